-- name: add
-- The ids are given in the order of the entries: that is the order of the record.
with told as materialized (
  select nextval('entries_id_seq') as id, said.* from (
    select * from rows from (json_to_recordset(%(told)s::json) as (at float8, actor text, action text,
      target text, public text, mute_id uuid, command_id uuid, private json))
      with ordinality as row (at, actor, action, target, public, mute_id, command_id, private, place)
    order by place) as said
), written as (
  insert into entries (id, org, at, actor, action, target, mute_id, command_id, public, private_digest)
  overriding system value
  select id, %(org)s, at, actor, action, target, mute_id, command_id, coalesce(public, '{}')::jsonb,
    decode(private->>'digest', 'base64')
  from told order by id
)
insert into private (entry_id, body)
select id, decode(private->>'body', 'base64') from told
where private->>'digest' is not null;

-- name: take_unsealed
-- In the order of their ids. A second sealer waits here and then finds them gone.
with taken as (
  delete from unsealed where entry_id in (
    select entry_id from unsealed where org = %(org)s order by entry_id limit %(limit)s)
  returning entry_id
)
select id, org, at, actor, action, target, mute_id, command_id, public, private_digest
from entries where id in (select entry_id from taken) order by id;

-- name: head
select seq, hash from seals where org = %(org)s order by seq desc limit 1;

-- name: seal
insert into seals (org, seq, entry_id, hash)
select %(org)s, * from unnest(%(seq)s::bigint[], %(entry_id)s::bigint[], %(hash)s::bytea[]);

-- name: sealed
select s.seq, s.hash, e.id, e.org, e.at, e.actor, e.action, e.target, e.mute_id, e.command_id, e.public,
  e.private_digest, p.body
from seals s join entries e on e.id = s.entry_id left join private p on p.entry_id = e.id
where s.org = %(org)s and s.seq > %(after)s order by s.seq limit %(limit)s;

-- name: hash
select hash from seals where org = %(org)s and seq = %(seq)s;

-- name: of_target
select s.seq, s.hash, (select hash from seals b where b.org = s.org and b.seq = s.seq - 1) as before, e.id, e.org, e.at, e.actor, e.action, e.target, e.mute_id, e.command_id, e.public,
  e.private_digest, p.body
from entries e join seals s on s.entry_id = e.id left join private p on p.entry_id = e.id
where e.org = %(org)s and e.target = %(target)s and e.action <> all(%(without)s::text[])
order by e.id desc limit %(limit)s;

-- name: waiting
select count(*) as entries, min(e.at) as since
from unsealed u join entries e on e.id = u.entry_id where u.org = %(org)s;

-- name: add
insert into checkpoints (org, seq, hash, signature, key_id, at, body)
values (%(org)s, %(seq)s, %(hash)s, %(signature)s, %(key_id)s, %(at)s, %(body)s)
on conflict (org, seq, key_id) do nothing;

-- name: newest
select seq, key_id, at, body from checkpoints where org = %(org)s order by seq desc, at desc limit 1;

-- name: after
select seq, key_id, at, body from checkpoints
where org = %(org)s and seq > %(after)s order by seq, at limit %(limit)s;

-- name: last_of_each_key
select c.seq, c.key_id, c.at, c.body
from checkpoints c join (
  select key_id, max(seq) as seq from checkpoints where org = %(org)s and seq <= %(through)s group by key_id
) last on last.key_id = c.key_id and last.seq = c.seq
where c.org = %(org)s order by c.seq;

-- name: cut
-- Where the chain may be cut, so that what is left provably begins where the deleted part ended.
select max(seq) as seq from checkpoints where org = %(org)s and at < %(before)s;

-- name: hashes
select hash from seals where org = %(org)s and seq > %(after)s order by seq limit %(limit)s;

-- name: places
select place, seq, delivered_at from places where org = %(org)s;

-- name: delivered
insert into places (org, place, seq, delivered_at) values (%(org)s, %(place)s, %(seq)s, %(at)s)
on conflict (org, place) do update set seq = excluded.seq, delivered_at = excluded.delivered_at;

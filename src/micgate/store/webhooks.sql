-- name: add
-- From the newest sealed record on.
insert into webhooks (id, org, name, url, actions, secret_cipher, position, made_at)
select %(id)s, %(org)s, %(name)s, %(url)s, %(actions)s, %(secret_cipher)s,
  coalesce((select max(seq) from seals where org = %(org)s), 0), %(made_at)s
on conflict (org, name) do nothing;

-- name: all
select id, org, name, url, actions, secret_cipher, former_secret_cipher, former_until, position, made_at
from webhooks where org = %(org)s order by made_at, id;

-- name: of_id
select id, org, name, url, actions, secret_cipher, former_secret_cipher, former_until, position, made_at
from webhooks where id = %(id)s;

-- name: remove
delete from webhooks where org = %(org)s and id = %(id)s;

-- name: rotate
update webhooks set former_secret_cipher = secret_cipher, former_until = %(until)s,
  secret_cipher = %(secret_cipher)s
where org = %(org)s and id = %(id)s;

-- name: behind
-- Those with records that have not been looked at, or with deliveries without a job.
select w.id from webhooks w
where w.org = %(org)s and (
  w.position < (select coalesce(max(seq), 0) from seals where org = %(org)s)
  or exists (select from deliveries d where d.webhook_id = w.id and d.done_at is null and d.dead_at is null
    and d.queued_at is null));

-- name: take
-- Another replica that is at it is left alone.
select id, org, name, url, actions, secret_cipher, former_secret_cipher, former_until, position, made_at
from webhooks where id = %(id)s for update skip locked;

-- name: head
select coalesce(max(seq), 0) as seq from seals where org = %(org)s;

-- name: wanted
-- `*` is every action, `mute.*` every one of that kind.
select s.seq from seals s join entries e on e.id = s.entry_id
where s.org = %(org)s and s.seq > %(after)s and s.seq <= %(through)s
  and (e.action = any(%(actions)s) or '*' = any(%(actions)s)
    or split_part(e.action, '.', 1) || '.*' = any(%(actions)s))
order by s.seq limit %(limit)s;

-- name: advance
update webhooks set position = %(position)s where id = %(id)s;

-- name: rewind
update webhooks set position = least(position, %(position)s) where org = %(org)s and id = %(id)s;

-- {table} is microphones or recordings: both have the same columns. Memories travel as binary texts: to quote
-- an array of JSON took 25 of the 33 ms that 100 rows need.

-- name: read
select conversation_id, user_id, version, memory, wake_at from {table}
where org = %(org)s order by conversation_id, user_id;

-- name: read_user
select conversation_id, user_id, version, memory, wake_at from {table}
where org = %(org)s and user_id = %(user_id)s order by conversation_id;

-- name: read_call
select conversation_id, user_id, version, memory, wake_at from {table}
where org = %(org)s and conversation_id = %(conversation_id)s order by user_id;

-- name: read_users
select conversation_id, user_id, version, memory, wake_at from {table}
where org = %(org)s and user_id = any(%(users)s::text[]) order by conversation_id, user_id;

-- name: changed
-- What transactions wrote since the snapshot whose oldest was `since`, and perhaps a little from before.
select conversation_id, user_id, version, memory, wake_at from {table}
where org = %(org)s and age(xmin) <= age(%(since)s::xid) order by conversation_id, user_id;

-- name: horizon
select pg_snapshot_xmin(pg_current_snapshot())::xid::text as since;

-- name: phases
select phase, count(*) as microphones from {table} where org = %(org)s group by phase;

-- name: of_users
select conversation_id, user_id from {table} where org = %(org)s and user_id = any(%(users)s::text[]);

-- name: lock
-- Perhaps a few more than wanted. No join: a plan for one, made while the table was empty and kept until it is
-- analysed, took 17 ms for 100 rows.
select conversation_id, user_id, version, memory from {table}
where org = %(org)s and conversation_id = any(%(conversation_id)s::text[]) and user_id = any(%(user_id)s::text[])
order by conversation_id, user_id for no key update;

-- name: wake
update {table} m set wake_at = least(m.wake_at, %(now)s), version = m.version + 1
from unnest(%(conversation_id)s::text[], %(user_id)s::text[]) as woken (conversation_id, user_id)
where m.org = %(org)s and m.conversation_id = any(%(conversation_id)s::text[])
  and m.conversation_id = woken.conversation_id and m.user_id = woken.user_id;

-- name: add_awake
-- In order, because a row that is there already is locked.
insert into {table} as m (org, conversation_id, user_id, phase, memory, wake_at, version)
select %(org)s, conversation_id, user_id, %(phase)s, %(memory)s::jsonb, %(now)s, 1
from unnest(%(conversation_id)s::text[], %(user_id)s::text[]) as added (conversation_id, user_id)
order by conversation_id, user_id
on conflict (org, conversation_id, user_id) do update set
  wake_at = least(m.wake_at, excluded.wake_at), version = m.version + 1;

-- name: add_blank
insert into {table} (org, conversation_id, user_id, phase, memory, version)
select %(org)s, conversation_id, user_id, %(phase)s, %(memory)s::jsonb, 0
from unnest(%(conversation_id)s::text[], %(user_id)s::text[]) as added (conversation_id, user_id)
order by conversation_id, user_id
on conflict do nothing;

-- name: put
-- The row is locked. A wake is only ever brought forward here.
insert into {table} as m (org, conversation_id, user_id, leg, state, muted, held, seen_at, way, phase, memory,
  wake_at, version)
select %(org)s, conversation_id, user_id, leg, state, muted, held, seen_at, way, phase, memory::jsonb, wake_at, 1
from unnest(%(conversation_id)s::text[], %(user_id)s::text[], %(leg)s::text[], %(state)s::text[],
  %(muted)s::boolean[], %(held)s::boolean[], %(seen_at)s::float8[], %(way)s::text[], %(phase)s::text[],
  %(memory)b::text[], %(wake_at)s::float8[])
  as new (conversation_id, user_id, leg, state, muted, held, seen_at, way, phase, memory, wake_at)
order by conversation_id, user_id
on conflict (org, conversation_id, user_id) do update set
  leg = excluded.leg, state = excluded.state, muted = excluded.muted, held = excluded.held,
  seen_at = excluded.seen_at, way = excluded.way, phase = excluded.phase, memory = excluded.memory,
  wake_at = least(m.wake_at, excluded.wake_at), version = m.version + 1;

-- name: decide
-- Of rows that are locked and whose version was compared: the one place that may put a wake off.
update {table} m set phase = new.phase, memory = new.memory::jsonb, wake_at = new.wake_at, version = m.version + 1
from unnest(%(conversation_id)s::text[], %(user_id)s::text[], %(phase)s::text[], %(memory)b::text[],
  %(wake_at)s::float8[]) as new (conversation_id, user_id, phase, memory, wake_at)
where m.org = %(org)s and m.conversation_id = any(%(conversation_id)s::text[])
  and m.conversation_id = new.conversation_id and m.user_id = new.user_id;

-- name: sweep
-- Calls that are over and done with.
delete from {table} m
where m.org = %(org)s and m.state = 'over' and m.phase = 'idle' and m.seen_at < %(before)s and m.wake_at is null
  and not exists (select 1 from commands c where c.org = m.org and c.conversation_id = m.conversation_id
    and c.user_id = m.user_id and c.outcome is null)
  and not exists (select 1 from mutes u where u.org = m.org and u.conversation_id = m.conversation_id
    and u.ended_at is null);

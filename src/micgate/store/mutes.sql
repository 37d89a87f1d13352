-- name: pass_gates
-- In the order given. Alone: whoever places a mute for all calls of an agent.
select pg_advisory_xact_lock(gate) from unnest(%(gates)s::bigint[]) as gate;

-- name: pass_gates_together
-- Together: whoever adds microphones of an agent.
select pg_advisory_xact_lock_shared(gate) from unnest(%(gates)s::bigint[]) as gate;

-- name: of_owner
select * from mutes
where org = %(org)s and owner_kind = %(owner_kind)s and owner_id = %(owner_id)s and ended_at is null
order by id;

-- name: spent
select coalesce(sum(coalesce(ended_at, release_at) - placed_at), 0)::float8 as spent from mutes
where org = %(org)s and user_id = %(user_id)s and placed_at >= %(since)s and owner_kind = %(owner_kind)s
  and owner_id = %(owner_id)s and conversation_id is not distinct from %(conversation_id)s and id <> %(id)s;

-- name: lock
select * from mutes where org = %(org)s and id = any(%(ids)s::uuid[]) and ended_at is null
order by id for no key update;

-- name: lock_standing
select * from mutes where org = %(org)s and ended_at is null order by id for no key update;

-- name: end
update mutes set ended_at = ending.at, ending = ending.word, ended_by = ending.by
from unnest(%(ids)s::uuid[], %(ats)s::float8[], %(words)s::text[], %(bys)s::text[]) as ending (id, at, word, by)
where mutes.id = ending.id and mutes.org = %(org)s and mutes.ended_at is null
returning mutes.*;

-- name: extend
update mutes set release_at = coalesce(%(release_at)s, release_at), renew_by = coalesce(%(renew_by)s, renew_by)
where org = %(org)s and id = any(%(ids)s::uuid[]) and ended_at is null
returning *;

-- name: of_ids
select * from mutes where org = %(org)s and id = any(%(ids)s::uuid[]) order by id;

-- name: standing
select * from mutes where org = %(org)s and ended_at is null order by id;

-- name: standing_at
select * from mutes where org = %(org)s and ended_at is null and user_id = any(%(users)s::text[])
union
select * from mutes where org = %(org)s and ended_at is null and pause_recording
  and conversation_id = any(%(calls)s::text[]);

-- name: of_agent
select * from mutes where org = %(org)s and user_id = %(user_id)s and placed_at >= %(since)s
order by placed_at desc, id limit %(limit)s;

-- name: note
select body from notes where ref = %(ref)s;

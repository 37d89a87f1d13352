-- name: gates
-- In the order given, and before `place` takes its snapshot: so that of two who place only one looks first.
select pg_advisory_xact_lock(gate) from unnest(%(gates)s::bigint[]) as gate;

-- name: place
-- All of it or nothing, and `word` says why nothing. One statement, because a round trip for each part took
-- twice as long as the parts themselves.
with wish as materialized (
  select id, user_id, conversation_id, batch_id, owner->>'kind' as owner_kind, owner->>'id' as owner_id, reason,
    note_ref, on_override, open_policy, pause_recording, placed_at, release_at, renew_by
  from json_to_recordset(%(mutes)s::json) as wish (id uuid, user_id text, conversation_id text, batch_id uuid,
    owner json, reason text, note_ref text, on_override text, open_policy text, pause_recording boolean,
    placed_at float8, release_at float8, renew_by float8)
), replay as materialized (
  select body_digest, status, response from idempotency
  where principal = %(principal)s and key = %(key)s and expires_at > %(now)s
), brake as materialized (
  -- Whoever places mutes shares the row until its transaction ends; the brake waits for it, and it for the brake.
  select frozen_by from orgs where id = %(org)s for key share
), new as materialized (
  select * from wish where not exists (select from mutes where mutes.id = wish.id)
), owners as materialized (
  select owner_kind, owner_id, count(*) as wanted from new group by owner_kind, owner_id
), paced as materialized (
  select wanted, coalesce(sum(changes), 0) as made, min(second) as since
  from owners left join paces on org = %(org)s and paces.owner_kind = owners.owner_kind
    and paces.owner_id = owners.owner_id and second >= %(since)s::bigint
  where %(rate)s::bigint is not null group by owners.owner_kind, owners.owner_id, wanted
), chains as materialized (
  select wanted, coalesce((
      select sum(coalesce(m.ended_at, m.release_at) - m.placed_at) from mutes m
      where m.org = %(org)s and m.user_id = one.user_id and m.placed_at >= one.since
        and m.owner_kind = one.owner_kind and m.owner_id = one.owner_id
        and m.conversation_id is not distinct from one.conversation_id), 0) as spent
  from (select user_id, conversation_id, owner_kind, owner_id, sum(release_at - placed_at) as wanted,
      min(placed_at) - case when conversation_id is null then %(cap)s::float8 else %(day)s::float8 end as since
    from new where %(within)s::float8 is not null
    group by user_id, conversation_id, owner_kind, owner_id) as one
), verdict as materialized (
  select case
    when exists (select from replay) then 'replayed'
    when (select frozen_by from brake) is not null then 'frozen'
    when exists (select from paced where wanted + made > %(rate)s::bigint) then 'too_fast'
    when exists (select from owners where wanted + (
      select count(*) from (select from mutes m where m.org = %(org)s and m.owner_kind = owners.owner_kind
        and m.owner_id = owners.owner_id and m.ended_at is null limit %(at_most)s::bigint + 1) as few
      ) > %(at_most)s::bigint) then 'standing'
    when exists (select from owners join mutes m using (owner_kind, owner_id) where m.org = %(org)s
      and m.ended_at is null and m.id <> all(%(beside)s::uuid[])) then 'overtaken'
    when exists (select from chains where wanted + spent > %(within)s::float8 + 0.001) then 'chained'
    end as word
), good as materialized (
  select from verdict where word is null
), claimed as (
  insert into idempotency (principal, key, body_digest, status, response, expires_at)
  select %(principal)s::text, %(key)s::text, %(body_digest)s::bytea, %(status)s::integer, %(response)s::bytea,
    %(expires_at)s::float8
  from good where %(key)s::text is not null
  on conflict (principal, key) do update set
    body_digest = excluded.body_digest, status = excluded.status, response = excluded.response,
    expires_at = excluded.expires_at
), counted as (
  insert into paces (org, owner_kind, owner_id, second, changes)
  select %(org)s, owner_kind, owner_id, %(second)s::bigint, wanted from good, owners
  where %(rate)s::bigint is not null
  on conflict (org, owner_kind, owner_id, second) do update set changes = paces.changes + excluded.changes
), noted as (
  insert into notes (ref, org, body)
  select pair->>0, %(org)s, pair->>1 from good, json_array_elements(%(notes)s::json) as pair
  on conflict (ref) do nothing
), added as (
  insert into mutes (id, org, user_id, conversation_id, batch_id, owner_kind, owner_id, reason, note_ref,
    on_override, open_policy, pause_recording, placed_at, release_at, renew_by)
  select id, %(org)s, user_id, conversation_id, batch_id, owner_kind, owner_id, reason, note_ref, on_override,
    open_policy, pause_recording, placed_at, release_at, renew_by
  from good, new order by id
  on conflict (id) do nothing
  returning id, user_id, conversation_id, pause_recording
), woken as (
  -- In order, because a row that is there already is locked. Those that were never seen are made.
  insert into microphones as m (org, conversation_id, user_id, phase, memory, wake_at, version)
  select %(org)s, conversation_id, user_id, %(phase)s, %(memory)s::jsonb, %(now)s, 1 from (
    select conversation_id, user_id from added where conversation_id is not null
    union
    select there.conversation_id, there.user_id from added join microphones there
      on there.org = %(org)s and there.user_id = added.user_id where added.conversation_id is null) as under
  order by conversation_id, user_id
  on conflict (org, conversation_id, user_id) do update set
    wake_at = least(m.wake_at, excluded.wake_at), version = m.version + 1
  returning conversation_id, user_id, version, memory
), alone as (
  -- Told only of the first mute of an agent, and if nobody changed the row between our look and its lock: what
  -- was looked at belongs to this version then.
  select version, memory from woken w
  where (select count(*) from wish) = 1
    and version = 1 + coalesce((select version from microphones b where b.org = %(org)s
      and b.conversation_id = w.conversation_id and b.user_id = w.user_id), 0)
    and not exists (select from mutes o
      where o.org = %(org)s and o.user_id = w.user_id and o.ended_at is null)
), paused as (
  insert into recordings as r (org, conversation_id, user_id, phase, memory, wake_at, version)
  select distinct %(org)s, conversation_id, '', %(phase)s, %(memory)s::jsonb, %(now)s::float8, 1 from added
  where conversation_id is not null and pause_recording order by conversation_id
  on conflict (org, conversation_id, user_id) do update set
    wake_at = least(r.wake_at, excluded.wake_at), version = r.version + 1
), told as materialized (
  select nextval('entries_id_seq') as id, said.* from (
    select * from rows from (json_to_recordset(%(told)s::json) as ("of" uuid, at float8, actor text,
      action text, target text, public text, mute_id uuid, command_id uuid, private json))
      with ordinality as row ("of", at, actor, action, target, public, mute_id, command_id, private, place)
    where exists (select from good) and ("of" is null or "of" in (select id from added)) order by place) as said
), written as (
  insert into entries (id, org, at, actor, action, target, mute_id, command_id, public, private_digest)
  overriding system value
  select id, %(org)s, at, actor, action, target, mute_id, command_id, coalesce(public, '{}')::jsonb,
    decode(private->>'digest', 'base64')
  from told order by id
), hidden as (
  insert into private (entry_id, body)
  select id, decode(private->>'body', 'base64') from told
  where private->>'digest' is not null
)
select word, (select array_agg(id::text) from added) as added, (select frozen_by from brake) as frozen_by,
  (select min(since) from paced where wanted + made > %(rate)s::bigint) as since,
  (select max(spent) from chains where wanted + spent > %(within)s::float8) as spent,
  (select min(version) from alone) as version, (select min(memory::text) from alone) as memory,
  (select body_digest from replay) as body_digest, (select status from replay) as status,
  (select response from replay) as response
from verdict;

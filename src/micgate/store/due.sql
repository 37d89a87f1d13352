-- name: rows
-- Each part by itself, longest overdue first.
(select conversation_id, user_id, version, memory from microphones
  where org = %(org)s and wake_at <= %(now)s order by wake_at, conversation_id, user_id limit %(limit)s)
union all
(select conversation_id, user_id, version, memory from recordings
  where org = %(org)s and wake_at <= %(now)s order by wake_at, conversation_id limit %(limit)s);

-- name: concerned
-- The mutes that stand on what is due, and those that are remembered there.
-- Arrays, not joins: a plan for those, made while the tables were empty, would be kept.
with due as materialized (
  (select conversation_id, user_id, memory from microphones
    where org = %(org)s and wake_at <= %(now)s order by wake_at, conversation_id, user_id limit %(limit)s)
  union all
  (select conversation_id, user_id, memory from recordings
    where org = %(org)s and wake_at <= %(now)s order by wake_at, conversation_id limit %(limit)s)
)
select * from mutes where org = %(org)s and ended_at is null
  and user_id = any(array(select user_id from due where user_id <> ''))
union
select * from mutes where org = %(org)s and ended_at is null and pause_recording
  and conversation_id = any(array(select conversation_id from due where user_id = ''))
union
select * from mutes where org = %(org)s
  and id = any(array(select jsonb_array_elements_text(memory->'memory'->'mutes')::uuid from due));

-- name: lapsed
-- Mutes that are due and have no microphone that would end them.
select * from mutes m
where org = %(org)s and ended_at is null and conversation_id is null
  and least(release_at, renew_by) <= %(now)s and least(release_at, renew_by + %(owner_grace)s) <= %(now)s
  and not exists (select 1 from microphones
    where org = m.org and user_id = m.user_id and wake_at is not null)
order by id limit %(limit)s;

-- name: next
-- After what is due now. Costs no write, and promises nothing about the next moment.
select least(microphone, recording, mute) as at, mute as lapse_at, ours from (select
  (select min(wake_at) from microphones where org = %(org)s and wake_at > %(now)s) as microphone,
  (select min(wake_at) from recordings where org = %(org)s and wake_at > %(now)s) as recording,
  (select min(least(release_at, renew_by + %(owner_grace)s)) from mutes m
    where org = %(org)s and ended_at is null and conversation_id is null
      and not exists (select 1 from microphones
        where org = m.org and user_id = m.user_id and wake_at is not null)) as mute,
  exists (select from leases where name = %(org)s and epoch = %(epoch)s and holder is not null) as ours) as found;

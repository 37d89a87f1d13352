-- name: expired
-- A batch, oldest first. Ids and times run alike but for minutes: what is missed goes the next day.
delete from private where entry_id in (
  select entry_id from (
    select p.entry_id, e.at from private p join entries e on e.id = p.entry_id
    where e.org = %(org)s order by p.entry_id limit %(limit)s) oldest
  where at < %(before)s);

-- name: old_mutes
-- `bound` is an id of that time: ids begin with theirs.
with gone as (
  delete from mutes where id in (
    select id from mutes where org = %(org)s and id < %(bound)s::uuid and ended_at < %(before)s
    order by id limit %(limit)s)
  returning note_ref)
select count(*) as gone from gone;

-- name: old_notes
delete from notes n where n.org = %(org)s and not exists (select 1 from mutes m where m.note_ref = n.ref);

-- name: old_commands
delete from commands where id in (
  select id from commands where org = %(org)s and id < %(bound)s::uuid and closed_at < %(before)s
  order by id limit %(limit)s);

-- name: old_batches
delete from batches b where b.org = %(org)s and b.made_at < %(before)s
  and not exists (select 1 from mutes m where m.batch_id = b.id);

-- name: old_microphones
-- One that is idle and was never seen is of no use to anybody, however young.
delete from microphones m where m.org = %(org)s and m.phase = 'idle' and m.wake_at is null
  and (m.seen_at is null or m.seen_at < %(before)s) and not exists (
    select 1 from mutes u where u.org = m.org and u.user_id = m.user_id and u.ended_at is null);

-- name: old_recordings
delete from recordings where org = %(org)s and phase = 'idle' and wake_at is null
  and (seen_at is null or seen_at < %(before)s);

-- name: leavers
-- Whoever works there no longer, and about whom there is nothing younger.
delete from agents a where a.org = %(org)s
  and not exists (select 1 from unnest(%(roster)s::text[]) as here (user_id) where here.user_id = a.user_id)
  and not exists (select 1 from mutes m where m.org = a.org and m.user_id = a.user_id)
  and not exists (select 1 from microphones p where p.org = a.org and p.user_id = a.user_id)
  and not exists (
    select 1 from entries e where e.org = a.org and e.target = a.pseudonym::text and e.at >= %(before)s);

-- name: standing
select count(*) as mutes from mutes where org = %(org)s and user_id = %(user_id)s and ended_at is null;

-- name: last_private
select max(entry_id) as id from private;

-- name: about
-- Bodies that name the person anywhere. In parts, so that no statement takes long.
select p.entry_id, p.body from private p join entries e on e.id = p.entry_id
where e.org = %(org)s and p.entry_id > %(after)s and p.entry_id <= %(through)s
  and exists (select 1 from unnest(%(words)s::text[]) as word
    where position(lower(word) in lower(convert_from(p.body, 'UTF8'))) > 0);

-- name: drop_private
delete from private where entry_id = any(%(ids)s::bigint[]);

-- name: keep_private
insert into private (entry_id, body)
select id, body from unnest(%(ids)s::bigint[], %(bodies)s::bytea[]) as kept (id, body);

-- name: erase_calls
-- Recordings of calls that were this person's.
delete from recordings r where r.org = %(org)s and r.phase = 'idle' and r.conversation_id in (
  select conversation_id from microphones where org = %(org)s and user_id = %(user_id)s
  union select conversation_id from commands where org = %(org)s and user_id = %(user_id)s);

-- name: erase_mutes
delete from mutes where org = %(org)s and (user_id = %(user_id)s or owner_id = %(user_id)s)
  and ended_at is not null;

-- name: erase_notes
-- Whoever wrote them, about whomever.
delete from notes where org = %(org)s and exists (
  select 1 from unnest(%(words)s::text[]) as word where position(lower(word) in lower(body)) > 0);

-- name: erase_commands
delete from commands where org = %(org)s and user_id = %(user_id)s and closed_at is not null;

-- name: erase_microphones
delete from microphones where org = %(org)s and user_id = %(user_id)s and phase = 'idle';

-- name: erase_protection
delete from protections where org = %(org)s and kind = 'agent' and id = %(user_id)s;

-- name: erase_limits
-- A key that is for certain agents is for one less; never for all.
update keys set limits = jsonb_set(limits, '{agents}', (limits -> 'agents') - %(user_id)s)
where org = %(org)s and limits -> 'agents' ? %(user_id)s;

-- name: erase_topics
update channels set topics = topics - %(user_id)s where org = %(org)s and topics ? %(user_id)s;

-- name: erase_answers
delete from idempotency where starts_with(principal, %(org)s || '/')
  and exists (select 1 from unnest(%(words)s::text[]) as word
    where position(lower(word) in lower(convert_from(response, 'UTF8'))) > 0);

-- name: erase_agent
delete from agents where org = %(org)s and user_id = %(user_id)s;

-- name: left
select (select count(*) from microphones where org = %(org)s and user_id = %(user_id)s)
  + (select count(*) from commands where org = %(org)s and user_id = %(user_id)s) as rows;

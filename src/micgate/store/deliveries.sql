-- name: add
insert into deliveries (webhook_id, org, seq, made_at, due_at)
select %(webhook_id)s, %(org)s, seq, %(at)s, %(at)s from unnest(%(seqs)s::bigint[]) as seq
on conflict do nothing;

-- name: count_queued
select count(*) as deliveries from deliveries
where webhook_id = %(webhook_id)s and done_at is null and dead_at is null and queued_at is not null;

-- name: queue
update deliveries set queued_at = %(at)s where webhook_id = %(webhook_id)s and seq in (
  select seq from deliveries
  where webhook_id = %(webhook_id)s and done_at is null and dead_at is null and queued_at is null
  order by seq limit %(limit)s)
returning seq;

-- name: read
select webhook_id, org, seq, made_at, queued_at, due_at, tries, tried_at, status, says, done_at, dead_at
from deliveries where webhook_id = %(webhook_id)s and seq = %(seq)s;

-- name: tried
update deliveries set tries = tries + 1, tried_at = %(at)s, status = %(status)s, says = %(says)s,
  due_at = %(due_at)s, done_at = %(done_at)s, dead_at = %(dead_at)s
where webhook_id = %(webhook_id)s and seq = %(seq)s and done_at is null and dead_at is null;

-- name: page
select webhook_id, org, seq, made_at, queued_at, due_at, tries, tried_at, status, says, done_at, dead_at
from deliveries where webhook_id = %(webhook_id)s and seq > %(after)s
order by seq limit %(limit)s;

-- name: page_waiting
select webhook_id, org, seq, made_at, queued_at, due_at, tries, tried_at, status, says, done_at, dead_at
from deliveries where webhook_id = %(webhook_id)s and seq > %(after)s and done_at is null and dead_at is null
order by seq limit %(limit)s;

-- name: page_dead
select webhook_id, org, seq, made_at, queued_at, due_at, tries, tried_at, status, says, done_at, dead_at
from deliveries where webhook_id = %(webhook_id)s and seq > %(after)s and dead_at is not null
order by seq limit %(limit)s;

-- name: page_done
select webhook_id, org, seq, made_at, queued_at, due_at, tries, tried_at, status, says, done_at, dead_at
from deliveries where webhook_id = %(webhook_id)s and seq > %(after)s and done_at is not null
order by seq limit %(limit)s;

-- name: reopen
-- One that waits for a job already keeps it.
update deliveries set queued_at = null, due_at = %(at)s, tries = 0, done_at = null, dead_at = null
where webhook_id = %(webhook_id)s and seq = %(seq)s and (done_at is not null or dead_at is not null);

-- name: reopen_dead
update deliveries set queued_at = null, due_at = %(at)s, tries = 0, dead_at = null
where webhook_id = %(webhook_id)s and dead_at is not null;

-- name: forget_ended
delete from deliveries
where webhook_id = %(webhook_id)s and seq >= %(seq)s and (done_at is not null or dead_at is not null);

-- name: without_job
-- Whoever lost the job: a restored backup, or a queue that somebody emptied.
update deliveries d set queued_at = null from webhooks w
where w.id = d.webhook_id and w.org = %(org)s and d.done_at is null and d.dead_at is null
  and d.queued_at < %(before)s and not exists (
    select from procrastinate_jobs j where j.queue_name = %(queue)s and j.status in ('todo', 'doing')
      and j.args = jsonb_build_object('webhook', d.webhook_id::text, 'seq', d.seq));

-- name: figures
select w.id as webhook_id,
  (select count(*) from deliveries d where d.webhook_id = w.id and d.done_at is null and d.dead_at is null)
    as waiting,
  (select count(*) from deliveries d where d.webhook_id = w.id and d.dead_at is not null) as dead,
  (select coalesce(max(seq), 0) from seals where org = %(org)s) - w.position as behind
from webhooks w where w.org = %(org)s;

-- name: sweep
delete from deliveries where done_at < %(before)s;

-- name: open
select id, subject, conversation_id, user_id from commands
where org = %(org)s and outcome is null and (conversation_id, user_id) in
  (select * from unnest(%(conversation_id)s::text[], %(user_id)s::text[]));

-- name: all_open
select id, conversation_id, user_id, leg, verb, lane, epoch, intended_at, deadline from commands
where org = %(org)s and outcome is null order by intended_at, id;

-- name: add
insert into commands (id, org, subject, conversation_id, user_id, leg, verb, lane, epoch, intended_at, deadline)
select id, %(org)s, subject, conversation_id, user_id, leg, verb, lane, %(epoch)s, intended_at, deadline
from unnest(%(id)s::uuid[], %(subject)s::text[], %(conversation_id)s::text[], %(user_id)s::text[],
  %(leg)s::text[], %(verb)s::text[], %(lane)s::text[], %(intended_at)s::float8[], %(deadline)s::float8[])
  as new (id, subject, conversation_id, user_id, leg, verb, lane, intended_at, deadline);

-- name: close
update commands c set outcome = o.kind, status = o.status, correlation_id = o.correlation_id,
  closed_at = o.at, sent_at = o.sent_at
from unnest(%(id)s::uuid[], %(kind)s::text[], %(status)s::integer[], %(correlation_id)s::text[],
  %(at)s::float8[], %(sent_at)s::float8[]) as o (id, kind, status, correlation_id, at, sent_at)
where c.id = o.id and c.org = %(org)s and c.outcome is null
returning c.id;

-- name: outcomes
select id, outcome, closed_at from commands where org = %(org)s and id = any(%(ids)s::uuid[]);

-- name: put
-- A keeper that was fenced off meanwhile says nothing any more.
insert into outlooks (org, epoch, at, body) values (%(org)s, %(epoch)s, %(at)s, %(body)s::jsonb)
on conflict (org) do update set epoch = excluded.epoch, at = excluded.at, body = excluded.body
where outlooks.epoch <= excluded.epoch;

-- name: read
select epoch, at, body::text as body from outlooks where org = %(org)s;

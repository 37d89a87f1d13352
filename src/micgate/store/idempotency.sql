-- name: claim
-- Two at once: the second waits for the first. An expired claim is as none.
insert into idempotency (principal, key, body_digest, status, response, expires_at)
values (%(principal)s, %(key)s, %(body_digest)s, %(status)s, %(response)s, %(expires_at)s)
on conflict (principal, key) do update set
  body_digest = excluded.body_digest, status = excluded.status, response = excluded.response,
  expires_at = excluded.expires_at
where idempotency.expires_at <= %(now)s
returning principal;

-- name: read
select body_digest, status, response, expires_at from idempotency
where principal = %(principal)s and key = %(key)s;

-- name: sweep
delete from idempotency where expires_at <= %(now)s;

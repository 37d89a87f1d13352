-- name: add
insert into keys (id, org, prefix, hash, name, scopes, limits, made_at, expires_at)
values (%(id)s, %(org)s, %(prefix)s, %(hash)s, %(name)s, %(scopes)s::text[], %(limits)s::jsonb, %(made_at)s,
  %(expires_at)s);

-- name: of_prefix
select id, org, prefix, hash, name, scopes, limits, made_at, expires_at, last_used_at, revoked_at
from keys where org = %(org)s and prefix = %(prefix)s;

-- name: all
select id, org, prefix, hash, name, scopes, limits, made_at, expires_at, last_used_at, revoked_at
from keys where org = %(org)s order by id;

-- name: end
-- A key that ends already ends no later.
update keys set revoked_at = least(revoked_at, %(at)s) where org = %(org)s and id = %(id)s
  and (revoked_at is null or revoked_at > %(at)s)
returning id, org, prefix, hash, name, scopes, limits, made_at, expires_at, last_used_at, revoked_at;

-- name: used
update keys set last_used_at = greatest(last_used_at, %(at)s) where org = %(org)s and id = any(%(ids)s::uuid[]);

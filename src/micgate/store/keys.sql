-- name: add
insert into keys (id, org, prefix, hash, name, scopes, limits, made_at, expires_at)
values (%(id)s, %(org)s, %(prefix)s, %(hash)s, %(name)s, %(scopes)s, %(limits)s::jsonb, %(made_at)s,
  %(expires_at)s);

-- name: all
select * from keys where org = %(org)s order by made_at, id;

-- name: by_prefix
select * from keys where prefix = %(prefix)s;

-- name: used
update keys set last_used_at = %(at)s where id = %(id)s and (last_used_at is null or last_used_at < %(at)s);

-- name: revoke
update keys set revoked_at = %(at)s where org = %(org)s and id = %(id)s and revoked_at is null;

-- name: shorten
update keys set expires_at = %(at)s
where org = %(org)s and id = %(id)s and revoked_at is null and expires_at > %(at)s;

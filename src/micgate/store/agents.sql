-- name: meet
-- The pseudonym stays; what else is known follows the platform.
insert into agents (org, user_id, pseudonym, email, name)
values (%(org)s, %(user_id)s, %(pseudonym)s, %(email)s, %(name)s)
on conflict (org, user_id) do update set
  email = coalesce(excluded.email, agents.email), name = coalesce(excluded.name, agents.name)
returning user_id, pseudonym, email, name;

-- name: of_users
select user_id, pseudonym, email, name from agents where org = %(org)s and user_id = any(%(users)s::text[]);

-- name: of_pseudonyms
select user_id, pseudonym, email, name from agents where org = %(org)s and pseudonym = any(%(pseudonyms)s::uuid[]);

-- name: of_email
select user_id, pseudonym, email, name from agents where org = %(org)s and lower(email) = lower(%(email)s);

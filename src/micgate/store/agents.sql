-- name: put
insert into agents (org, user_id, pseudonym, email, name)
select %(org)s, * from unnest(%(user_id)s::text[], %(pseudonym)s::uuid[], %(email)s::text[], %(name)s::text[])
on conflict (org, user_id) do update set email = excluded.email, name = excluded.name
where (agents.email, agents.name) is distinct from (excluded.email, excluded.name);

-- name: of_ids
select user_id, pseudonym, email, name from agents
where org = %(org)s and user_id = any(%(users)s::text[]) order by user_id;

-- name: all
select user_id, pseudonym, email, name from agents where org = %(org)s order by user_id;

-- name: of_pseudonyms
select user_id, pseudonym, email, name from agents
where org = %(org)s and pseudonym = any(%(pseudonyms)s::uuid[]) order by user_id;

-- name: find
select user_id, pseudonym, email, name from agents
where org = %(org)s and (user_id = %(text)s or lower(email) = lower(%(text)s) or lower(name) = lower(%(text)s))
order by user_id;

-- name: erase
update agents set email = null, name = null where org = %(org)s and user_id = %(user_id)s;

-- name: protect
insert into protections (org, kind, id, marked_at, marked_by)
values (%(org)s, %(kind)s, %(id)s, %(at)s, %(by)s) on conflict do nothing;

-- name: unprotect
delete from protections where org = %(org)s and kind = %(kind)s and id = %(id)s;

-- name: protected
select kind, id from protections where org = %(org)s order by kind, id;

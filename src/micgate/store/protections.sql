-- name: all
select kind, id, marked_at, marked_by from protections where org = %(org)s order by kind, id;

-- name: mark
insert into protections (org, kind, id, marked_at, marked_by)
values (%(org)s, %(kind)s, %(id)s, %(at)s, %(by)s)
on conflict (org, kind, id) do nothing;

-- name: unmark
delete from protections where org = %(org)s and kind = %(kind)s and id = %(id)s;

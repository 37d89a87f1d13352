-- name: ensure
insert into orgs (id, region) values (%(org)s, %(region)s)
on conflict (id) do update set region = excluded.region where orgs.region <> excluded.region;

-- name: all
select id from orgs order by id;

-- name: freeze
update orgs set frozen_at = %(at)s, frozen_by = %(by)s
where id = (select id from orgs where id = %(org)s for update) and frozen_at is null;

-- name: unfreeze
update orgs set frozen_at = null, frozen_by = null where id = %(org)s and frozen_at is not null;

-- name: frozen
select frozen_at, frozen_by from orgs where id = %(org)s and frozen_at is not null;

-- name: strategy
select strategy from orgs where id = %(org)s;

-- name: remember_strategy
update orgs set strategy = %(strategy)s where id = %(org)s;

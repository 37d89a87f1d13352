-- name: count
-- Changes of an owner in this second, unless there would be too many within the last minute. Its gate is passed.
with made as materialized (
  select coalesce(sum(changes), 0) as changes, min(second) as since from paces
  where org = %(org)s and owner_kind = %(owner_kind)s and owner_id = %(owner_id)s and second >= %(since)s
), counted as (
  insert into paces (org, owner_kind, owner_id, second, changes)
  select %(org)s, %(owner_kind)s, %(owner_id)s, %(second)s, %(wanted)s from made
  where changes + %(wanted)s <= %(rate)s
  on conflict (org, owner_kind, owner_id, second) do update set changes = paces.changes + excluded.changes
)
select changes + %(wanted)s > %(rate)s as too_fast, since from made;

-- name: sweep
delete from paces where second < %(before)s;

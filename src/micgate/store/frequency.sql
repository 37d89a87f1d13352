-- name: often
-- Owners who muted one of these agents so often since then. A batch placed for several counts each.
select owner_kind, owner_id, user_id, count(*) as mutes from mutes
where org = %(org)s and user_id = any(%(users)s::text[]) and placed_at >= %(since)s
group by owner_kind, owner_id, user_id having count(*) >= %(at_least)s
order by owner_kind, owner_id, user_id;

-- name: told
-- Whether an entry about the pair was made since then.
select 1 as yes from entries
where org = %(org)s and target = %(target)s and action = %(action)s and at >= %(since)s
  and public ->> 'owner' = %(owner)s limit 1;

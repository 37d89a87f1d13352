-- name: all
select slot, channel_id, uri_cipher, topics, expires_at from channels where org = %(org)s order by slot;

-- name: put
insert into channels (org, slot, channel_id, uri_cipher, topics, expires_at)
values (%(org)s, %(slot)s, %(channel_id)s, %(uri_cipher)s, %(topics)s::jsonb, %(expires_at)s)
on conflict (org, slot) do update set channel_id = excluded.channel_id, uri_cipher = excluded.uri_cipher,
  topics = excluded.topics, expires_at = excluded.expires_at;

-- name: drop
delete from channels where org = %(org)s and slot = %(slot)s;

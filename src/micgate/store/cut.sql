-- name: next
select max(seq) as seq from (
  select seq from seals where org = %(org)s and seq > %(after)s and seq <= %(through)s
  order by seq limit %(limit)s) batch;

-- name: private
delete from private where entry_id in (
  select entry_id from seals where org = %(org)s and seq > %(after)s and seq <= %(last)s);

-- name: entries
delete from entries where id in (
  select entry_id from seals where org = %(org)s and seq > %(after)s and seq <= %(last)s);

-- name: deliveries
delete from deliveries where org = %(org)s and seq > %(after)s and seq <= %(last)s;

-- name: checkpoints
-- The last one of each key stays: it may name the next key.
delete from checkpoints c where c.org = %(org)s and c.seq > %(after)s and c.seq <= %(last)s
  and c.seq < %(through)s and exists (
    select 1 from checkpoints later where later.org = c.org and later.key_id = c.key_id and later.seq > c.seq);

-- name: seals
delete from seals s where s.org = %(org)s and s.seq > %(after)s and s.seq <= %(last)s and not exists (
  select 1 from checkpoints c where c.org = s.org and c.seq = s.seq);

-- name: read
select name, holder, epoch, beat, clock_offset from leases where name = %(name)s;

-- name: make
insert into leases (name, holder, epoch, beat, clock_offset)
values (%(name)s, %(holder)s, 1, 1, %(clock_offset)s)
on conflict (name) do nothing
returning name, holder, epoch, beat, clock_offset;

-- name: take
-- Only if nobody beat, took or gave it up in the meantime. Waits for the transactions of the term before.
update leases set holder = %(holder)s, epoch = epoch + 1, beat = beat + 1, clock_offset = %(clock_offset)s
where name = (select name from leases
  where name = %(name)s and epoch = %(epoch)s and beat = %(beat)s for update)
returning name, holder, epoch, beat, clock_offset;

-- name: beat
-- Does not wait for our own transactions: they share the key only.
update leases set beat = beat + 1, clock_offset = coalesce(%(clock_offset)s::float8, clock_offset)
where name = %(name)s and epoch = %(epoch)s and holder is not null
returning beat;

-- name: resign
update leases set holder = null, beat = beat + 1 where name = %(name)s and epoch = %(epoch)s;

-- name: fence
select epoch from leases where name = %(name)s and epoch = %(epoch)s and holder is not null for key share;

-- With an entry that is too old go its seal, and the checkpoints before the one at which the chain is cut.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  -- The owner cuts off what is too old, and says so beforehand; the application has no right to delete.
  if tg_op = 'DELETE' and current_setting('micgate.cutting', true) = 'yes' then
    return old;
  end if;
  raise exception '% is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;

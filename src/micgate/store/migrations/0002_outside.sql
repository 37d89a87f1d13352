-- No checkpoint was ever kept before this.
alter table checkpoints add column body bytea not null;

-- Up to which record each place off the machine has its checkpoints.
create table places (
  org text collate "C" not null references orgs,
  place text collate "C" not null,
  seq bigint not null,
  delivered_at double precision not null,
  primary key (org, place)
);

-- A seal stays when its entry is cut off because of its age.
alter table seals drop constraint seals_entry_id_fkey;

create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  -- The owner cuts off what is too old, and says so beforehand; the application has no right to delete.
  if tg_op = 'DELETE' and tg_table_name = 'entries' and current_setting('micgate.cutting', true) = 'yes' then
    return old;
  end if;
  raise exception '% is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;

grant select, insert, update, delete on places to micgate_app;
grant delete on commands to micgate_app;

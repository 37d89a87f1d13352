-- How many mutes an owner placed or extended in each second, while it may only so many a minute.
create table paces (
  org text collate "C" not null,
  owner_kind text not null,
  owner_id text not null,
  second bigint not null,
  changes integer not null,
  primary key (org, owner_kind, owner_id, second)
);

grant select, insert, update, delete on paces to micgate_app;

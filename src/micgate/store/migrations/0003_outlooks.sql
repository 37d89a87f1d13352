-- What the keeper of an org last said about its budget, for the replicas that are not it.
create table outlooks (
  org text collate "C" primary key references orgs,
  epoch bigint not null,
  at double precision not null,
  body jsonb not null
);

grant select, insert, update, delete on outlooks to micgate_app;

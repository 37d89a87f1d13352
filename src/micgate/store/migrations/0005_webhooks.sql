-- No webhook was ever kept before this.
drop table deliveries;
drop table webhooks;

-- Where sealed records are posted to. `position`: up to which one its deliveries have been written down.
create table webhooks (
  id uuid primary key,
  org text collate "C" not null references orgs,
  name text not null,
  url text not null,
  actions text[] not null,
  secret_cipher bytea not null,
  former_secret_cipher bytea,
  former_until double precision,
  position bigint not null,
  made_at double precision not null,
  constraint webhooks_name unique (org, name),
  constraint webhooks_former check ((former_secret_cipher is null) = (former_until is null))
);

-- Neither done nor dead: still to be made; `queued_at` null: there is no job for it yet. A seal that is cut off
-- because of its age is not held back by a delivery of it.
create table deliveries (
  webhook_id uuid not null references webhooks on delete cascade,
  org text collate "C" not null,
  seq bigint not null,
  made_at double precision not null,
  queued_at double precision,
  due_at double precision,
  tries integer not null default 0,
  tried_at double precision,
  status integer,
  says text,
  done_at double precision,
  dead_at double precision,
  primary key (webhook_id, seq),
  constraint deliveries_end check (done_at is null or dead_at is null)
);
create index deliveries_open on deliveries (webhook_id, seq) where done_at is null and dead_at is null;
create index deliveries_dead on deliveries (webhook_id, seq) where dead_at is not null;
create index deliveries_done on deliveries (done_at) where done_at is not null;

-- Procrastinate's tables come with that library; these are its own migrations that were applied.
create table queue_migrations (
  name text primary key,
  applied_at double precision not null
);

grant select, insert, update, delete on webhooks, deliveries to micgate_app;
grant select on queue_migrations to micgate_app;

-- The whole truth about the tables; `migrations/` lead to the same.
--
-- Times are service time in seconds since 1970, exactly as the program has them. No statement asks the
-- server's clock. Ids that the platform gave are texts, ours are uuid7. Key columns sort by bytes, so that
-- everybody locks rows in the same order.
--
-- Lock order: leases, mutes (sorted), microphones and recordings (sorted), commands, entries. Before them all:
-- the gates (advisory locks of one transaction, see place.sql and mutes.sql), idempotency, orgs.

create table orgs (
  id text collate "C" primary key,
  region text not null default '',
  strategy text,
  token_cipher bytea,
  token_expires_at double precision,
  frozen_at double precision,
  frozen_by text,
  check ((frozen_at is null) = (frozen_by is null))
);

-- `beat` only counts: whoever sees it unchanged for long enough by its own clock may take over.
create table leases (
  name text collate "C" primary key,
  holder text,
  epoch bigint not null,
  beat bigint not null,
  clock_offset double precision not null
);

-- What the keeper of an org last said about its budget, for the replicas that are not it.
create table outlooks (
  org text collate "C" primary key references orgs,
  epoch bigint not null,
  at double precision not null,
  body jsonb not null
);

create table batches (
  id uuid primary key,
  org text collate "C" not null references orgs,
  owner_kind text not null,
  owner_id text not null,
  made_at double precision not null,
  wishes jsonb not null
);

-- What somebody wrote about a mute. Apart, so that it can be erased.
create table notes (
  ref text primary key,
  org text collate "C" not null references orgs,
  body text not null check (length(body) <= 200)
);

create table mutes (
  id uuid primary key,
  org text collate "C" not null references orgs,
  user_id text collate "C" not null,
  conversation_id text collate "C",
  batch_id uuid references batches,
  owner_kind text not null,
  owner_id text not null,
  reason text not null,
  note_ref text references notes on delete set null,
  on_override text not null check (on_override in ('yield', 'notify', 'reassert')),
  open_policy text not null check (open_policy in ('restore', 'ask', 'never')),
  pause_recording boolean not null,
  placed_at double precision not null,
  release_at double precision not null,
  renew_by double precision,
  ended_at double precision,
  ending text check (ending in
    ('released', 'expired', 'overridden', 'call_ended', 'cancelled', 'failed', 'owner_gone')),
  ended_by text,
  constraint mutes_end check (release_at >= placed_at and release_at <= placed_at + 7200),
  constraint mutes_ended check ((ended_at is null) = (ending is null))
);
create index mutes_standing on mutes (org, user_id) where ended_at is null;
create index mutes_of_owner on mutes (org, owner_kind, owner_id) where ended_at is null;
create index mutes_of_agent on mutes (org, user_id, placed_at);
create index mutes_of_pauses on mutes (org, conversation_id) where ended_at is null and pause_recording;
create index mutes_of_batch on mutes (batch_id) where batch_id is not null;
-- To delete a note is to look for the mutes that it belongs to.
create index mutes_of_note on mutes (note_ref) where note_ref is not null;
-- A mute of an agent who is on no call has no microphone to wake.
create index mutes_without_call on mutes (org, least(release_at, renew_by))
  where ended_at is null and conversation_id is null;

-- `wake_at` is the only timer. `version` counts every change of the row and every wake.
create table microphones (
  org text collate "C" not null,
  conversation_id text collate "C" not null,
  user_id text collate "C" not null check (user_id <> ''),
  leg text,
  state text,
  muted boolean,
  held boolean,
  seen_at double precision,
  way text,
  phase text not null,
  memory jsonb not null,
  wake_at double precision,
  version bigint not null,
  primary key (org, conversation_id, user_id)
) with (fillfactor = 70);
create index microphones_due on microphones (org, wake_at) where wake_at is not null;
create index microphones_of_agent on microphones (org, user_id);

-- As microphones; `muted` says whether it is paused, and there is no user.
create table recordings (
  org text collate "C" not null,
  conversation_id text collate "C" not null,
  user_id text collate "C" not null default '' check (user_id = ''),
  leg text,
  state text,
  muted boolean,
  held boolean,
  seen_at double precision,
  way text,
  phase text not null,
  memory jsonb not null,
  wake_at double precision,
  version bigint not null,
  primary key (org, conversation_id, user_id)
) with (fillfactor = 70);
create index recordings_due on recordings (org, wake_at) where wake_at is not null;

create table commands (
  id uuid primary key,
  org text collate "C" not null references orgs,
  subject text not null check (subject in ('microphone', 'recording')),
  conversation_id text collate "C" not null,
  user_id text collate "C" not null,
  leg text not null,
  verb text not null check (verb in ('mute', 'open', 'read', 'pause', 'resume')),
  lane text not null check (lane in ('release', 'brake', 'reassert', 'mute', 'confirm', 'look_up')),
  epoch bigint not null,
  intended_at double precision not null,
  deadline double precision not null,
  sent_at double precision,
  outcome text check (outcome in ('accepted', 'refused', 'not_sent', 'unknown')),
  status integer,
  correlation_id text,
  closed_at double precision,
  constraint commands_closed check ((outcome is null) = (closed_at is null)),
  constraint commands_target check ((subject = 'recording') = (user_id = ''))
);
-- Never a second command for a target while one is neither answered nor given up.
create unique index commands_one_open on commands (org, subject, conversation_id, user_id)
  where outcome is null;
create index commands_of_call on commands (org, conversation_id, intended_at);

-- The record. Rows are only ever inserted, and the oldest cut off by the owner; `private` is apart, so that it
-- can be erased.
create table entries (
  id bigint generated always as identity primary key,
  org text collate "C" not null references orgs,
  at double precision not null,
  actor text not null,
  action text not null,
  target text not null,
  mute_id uuid,
  command_id uuid,
  public jsonb not null,
  private_digest bytea
);
create index entries_of_target on entries (org, target, id);
create index entries_of_mute on entries (mute_id, id) where mute_id is not null;

create table private (
  entry_id bigint primary key references entries,
  body bytea not null
);

-- The entries that wait for a seal. What another transaction has not committed yet cannot be seen here, and
-- stays until it is: so nothing is skipped, and no transaction elsewhere on the server holds sealing up.
create table unsealed (
  entry_id bigint primary key references entries,
  org text collate "C" not null
);
create index unsealed_of_org on unsealed (org, entry_id);

-- The seal at which the chain was cut stays without its entry: the next record names its hash.
create table seals (
  org text collate "C" not null references orgs,
  seq bigint not null check (seq > 0),
  entry_id bigint not null unique,
  hash bytea not null,
  primary key (org, seq)
);

-- `body` is the whole checkpoint, as it is signed and delivered; the columns before are for finding it.
create table checkpoints (
  org text collate "C" not null,
  seq bigint not null,
  hash bytea not null,
  signature bytea not null,
  key_id text not null,
  at double precision not null,
  body bytea not null,
  primary key (org, seq, key_id),
  foreign key (org, seq) references seals (org, seq)
);

-- Up to which record each place off the machine has its checkpoints.
create table places (
  org text collate "C" not null references orgs,
  place text collate "C" not null,
  seq bigint not null,
  delivered_at double precision not null,
  primary key (org, place)
);

create table idempotency (
  principal text collate "C" not null,
  key text collate "C" not null,
  body_digest bytea not null,
  status integer not null,
  response bytea not null,
  expires_at double precision not null,
  primary key (principal, key)
);
create index idempotency_expired on idempotency (expires_at);

-- How many mutes an owner placed or extended in each second, while it may only so many a minute.
create table paces (
  org text collate "C" not null,
  owner_kind text not null,
  owner_id text not null,
  second bigint not null,
  changes integer not null,
  primary key (org, owner_kind, owner_id, second)
);

create table channels (
  org text collate "C" not null references orgs,
  slot integer not null check (slot >= 0),
  channel_id text not null,
  uri_cipher bytea not null,
  topics jsonb not null,
  expires_at double precision not null,
  primary key (org, slot)
);

create table agents (
  org text collate "C" not null references orgs,
  user_id text collate "C" not null,
  pseudonym uuid not null,
  email text,
  name text,
  primary key (org, user_id)
);
create index agents_by_email on agents (org, lower(email));
create index agents_by_name on agents (org, lower(name));

-- Agents and queues that need a second person.
create table protections (
  org text collate "C" not null references orgs,
  kind text not null check (kind in ('agent', 'queue')),
  id text collate "C" not null,
  marked_at double precision not null,
  marked_by text not null,
  primary key (org, kind, id)
);

-- Of a key only a hash is kept.
create table keys (
  id uuid primary key,
  org text collate "C" not null references orgs,
  prefix text not null unique,
  hash bytea not null,
  name text not null,
  scopes text[] not null,
  limits jsonb not null,
  made_at double precision not null,
  expires_at double precision not null,
  last_used_at double precision,
  revoked_at double precision
);

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

create function refuse_change() returns trigger language plpgsql as $$
begin
  -- The owner cuts off what is too old, and says so beforehand; the application has no right to delete.
  if tg_op = 'DELETE' and current_setting('micgate.cutting', true) = 'yes' then
    return old;
  end if;
  raise exception '% is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger only_added_to before update or delete on entries
  for each row execute function refuse_change();
create trigger only_added_to before update or delete on seals
  for each row execute function refuse_change();
create trigger only_added_to before update or delete on checkpoints
  for each row execute function refuse_change();
create trigger never_emptied before truncate on entries
  for each statement execute function refuse_change();
create trigger never_emptied before truncate on seals
  for each statement execute function refuse_change();
create trigger never_emptied before truncate on checkpoints
  for each statement execute function refuse_change();

create function await_seal() returns trigger language plpgsql as $$
begin
  insert into unsealed (entry_id, org) select id, org from added;
  return null;
end $$;

create trigger await_seal after insert on entries
  referencing new table as added for each statement execute function await_seal();

grant select, insert, update, delete on
  orgs, leases, outlooks, batches, notes, mutes, microphones, recordings, idempotency, paces, channels, agents,
  protections, keys, webhooks, deliveries, places, commands
  to micgate_app;
grant select, insert, delete on private, unsealed to micgate_app;
grant select, insert on entries, seals, checkpoints to micgate_app;
grant usage on all sequences in schema micgate to micgate_app;
grant select on queue_migrations to micgate_app;

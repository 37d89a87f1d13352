-- Whoever is looked up by one reference is looked for by id, address and name: without this, among everybody.
create index agents_by_name on agents (org, lower(name));

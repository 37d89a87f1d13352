-- Each part of a private body has its salt within: the column was always empty.
alter table private drop column salt;

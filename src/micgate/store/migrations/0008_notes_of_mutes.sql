-- To delete a note is to look for the mutes that it belongs to: without this, through all of them for each.
create index mutes_of_note on mutes (note_ref) where note_ref is not null;

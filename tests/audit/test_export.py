"""Exports: one object a line, and cells that no spreadsheet runs."""

import csv
import io
import json

import msgspec
import pytest
from books import START, Books, about_ada, books, entry
from hypothesis import given
from hypothesis import strategies as st

from micgate.audit import export
from micgate.audit.facts import Concluded
from micgate.audit.privacy import People, Person
from micgate.control.command import Kind

SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 -- full width


def cells(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def only_row(made: Books) -> dict[str, str]:
    (row,) = cells(export.csv_header() + export.csv_line(made.records()[0]))
    return row


def test_a_row_tells_who_did_what_to_whom_and_when():
    made = Books()
    made.write(entry(Concluded(kind=Kind.REFUSED, status=403, says="no right to, Ada"), command_id="c-1"))
    row = only_row(made)

    assert row["seq"] == "1"
    assert row["at"] == "2026-09-21T14:13:20.000000Z"
    assert (row["action"], row["actor"], row["actor_name"]) == (
        "command.concluded",
        "person:p-7f3a",
        "Eve Müller",
    )
    assert (row["agent_name"], row["agent_email"]) == ("Ada Lovelace", "ada@example.com")
    assert (row["conversation_id"], row["command_id"], row["note"]) == ("call-1", "c-1", "talks to the bank")
    assert row["said"] == "no right to, Ada"
    assert json.loads(row["facts"]) == {"kind": "refused", "status": 403}
    assert row["hash"] == made.sealed[0].hash.hex()


def test_where_persons_are_erased_or_hidden_the_cells_are_empty():
    made = books(1, signed_at=())
    made.bodies.clear()
    row = only_row(made)

    assert not any(row[name] for name in ("agent_name", "actor_email", "conversation_id", "note"))
    assert row["target"] == "a-91c2"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", " ", '"', "'", "x;", "x; ", 'x,"', "|"])
def test_no_cell_begins_a_formula(sign, before):
    bad = f"{before}{sign}1+cmd|' /C calc'!A0"
    made = Books()
    made.write(entry(people=People(agent=Person(user_id="u-1", name=bad), note=bad)))
    row = only_row(made)

    for name in ("agent_name", "note"):
        assert f"'{sign}" in row[name].replace("''", "'")
        assert row[name].replace("'", "") == bad.replace("'", "")


@pytest.mark.parametrize("plain", ["a-b", "ada@example.com", "3 + 4", "Jean-Luc", "11:00-12:00", ""])
def test_ordinary_text_stays_as_it_is(plain):
    assert export.harmless(plain) == plain


@given(name=st.text(max_size=30), note=st.text(max_size=30), at=st.floats(START, START + 1e6))
def test_a_row_stays_one_row_whatever_people_are_called(name, note, at):
    made = Books()
    person = Person(user_id="u-1", name=name)
    made.write(entry(at=at, people=People(agent=person, actor=person, note=note)))
    row = only_row(made)

    assert None not in row
    assert row["hash"] == made.sealed[0].hash.hex()
    assert row["agent_name"].lstrip()[:1] not in (*SIGNS, "\t", "\r")


def test_a_line_of_json_is_one_object_with_the_record_and_its_hash():
    made = books(1, signed_at=(1,))
    first, checkpoint = (json.loads(line) for line in made.export())

    assert set(first) == {"hash", "record", "private"}
    assert set(checkpoint) == {"checkpoint"}
    assert checkpoint["checkpoint"]["hash"] == first["hash"]
    assert first["private"]["agent"]["fields"]["name"] == "Ada Lovelace"


def test_public_lines_name_nobody():
    made = books(6)
    text = b"".join(export.json_line(msgspec.structs.replace(each, private=None)) for each in made.records())

    for personal in (about_ada().agent.name, "Müller", "example.com", "call-1", "bank"):
        assert personal.encode() not in text

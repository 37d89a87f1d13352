"""The canonical form, which others have to be able to compute, and the chain over it."""

import json
from hashlib import sha256

import msgspec
import pytest
from books import Books, books, entry, kept
from hypothesis import given
from hypothesis import strategies as st

from micgate.audit.canonical import LARGEST, Plain, canonical, stamp
from micgate.audit.chain import link, record, sealed_records
from micgate.audit.record import NOTHING_BEFORE, Record

WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
FACTS = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8),
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | WORDS | st.lists(WORDS, max_size=3),
    max_size=5,
)


def plainly(value) -> bytes:
    """RFC 8785 for what a record may hold, by the standard library."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(facts=FACTS)
def test_any_implementation_of_the_canonical_form_computes_the_same_bytes(facts):
    found = Record(
        v=1, org="acme", seq=1, previous=NOTHING_BEFORE, at="", actor="", action="", target="", facts=facts
    )

    assert canonical(found) == plainly(json.loads(canonical(found)))


def test_the_form_of_a_record_is_pinned():
    """A change here makes every chain in the field unverifiable."""
    found = books(2, signed_at=()).records()[1]

    assert canonical(found.record).decode() == (
        '{"action":"mute.ended","actor":"micgate","at":"2026-09-21T14:13:22.000000Z",'
        '"facts":{"end":"released","ended_at":"2026-09-21T14:13:25.000000Z"},"mute_id":"m-1","org":"acme",'
        '"previous":"PREVIOUS","private":"PRIVATE","seq":2,"target":"a-91c2","v":1}'
    ).replace("PREVIOUS", found.record.previous).replace("PRIVATE", found.record.private)
    assert found.hash == sha256(canonical(found.record)).hexdigest()
    assert found.hash == "dd37c352ee7cf35747b64cc6fe326059259021bd0b5bdd494755266b905b2a83"


def test_numbers_have_no_gaps_and_each_record_holds_the_hash_before():
    made = books(5)
    records = [each.record for each in made.records()]

    assert [each.seq for each in records] == [1, 2, 3, 4, 5]
    assert [each.previous for each in records] == [
        NOTHING_BEFORE,
        *(each.hash for each in made.records()[:-1]),
    ]


def test_the_same_event_at_another_place_has_another_hash():
    same = kept(entry(), id_=1)

    assert link(b"", 1, same) != link(b"", 2, same) != link(bytes([1]) * 32, 2, same)


def test_the_spelling_of_the_facts_does_not_matter():
    """PostgreSQL gives JSON back with another order of members and other spaces."""
    first = kept(entry(), id_=1)
    respelled = json.dumps(dict(reversed(json.loads(first.public).items())), indent=1)

    assert link(b"", 1, msgspec.structs.replace(first, public=respelled)) == link(b"", 1, first)


@pytest.mark.parametrize("public", ['{"seconds": 1.5}', '{"a": {"b": 1}}', '{"n": 9007199254740992}', "[]"])
def test_what_has_no_single_canonical_form_is_never_sealed(public):
    with pytest.raises(msgspec.ValidationError):
        record(msgspec.structs.replace(kept(entry(), id_=1), public=public), seq=1, previous=b"")


@pytest.mark.parametrize("value", [None, True, 0, LARGEST, -LARGEST, "text", ["a", "b"]])
def test_plain_values_pass(value):
    assert msgspec.convert(value, Plain) == value


def test_private_parts_are_left_out_for_those_who_may_not_see_them():
    made = books(1, signed_at=())

    public = list(sealed_records(b"", made.sealed, with_private=False))
    assert public[0].private is None
    assert public[0].record.private is not None


@given(st.integers(1_500_000_000_000_000, 4_000_000_000_000_000))
def test_a_time_kept_to_the_microsecond_has_one_stamp(microseconds):
    at = microseconds / 1_000_000

    assert stamp(at) == stamp(round(at, 6))
    assert int(stamp(at)[-7:-1]) == microseconds % 1_000_000


def test_an_empty_book_has_no_records():
    assert Books().records() == []

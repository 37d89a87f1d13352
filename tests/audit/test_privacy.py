"""Erasure that keeps the chain, and how long things are kept."""

from datetime import UTC, datetime

import pytest
from books import ADA, EVE, about_ada, salts
from hypothesis import given
from hypothesis import strategies as st

from micgate.audit.privacy import (
    NOBODY,
    People,
    Person,
    Retention,
    digest,
    due,
    erase,
    forgotten,
    keep,
    restored,
    stored,
)

TEXT = st.text(min_size=1, max_size=40)
PERSON = st.builds(Person, user_id=st.sampled_from(["u-1", "u-2", "u-3"]), name=TEXT | st.none())
PEOPLE = st.builds(
    People, agent=PERSON | st.none(), actor=PERSON | st.none(), conversation_id=st.none() | TEXT, note=TEXT
)


def kept(people: People | None = None, **call):
    return keep(people or about_ada(), call=call, salt=salts())


@given(people=PEOPLE, gone=st.lists(st.sampled_from(["u-1", "u-2", "u-3"]), max_size=3))
def test_the_digest_stays_whoever_is_erased_in_whatever_order(people, gone):
    private = kept(people)
    if private is None:
        return
    before = digest(private)
    for user_id in gone:
        private = restored(stored(erase(private, user_id)))

    assert digest(private) == before
    assert not any(user_id in stored(private).decode() for user_id in gone)


def test_with_the_agent_go_the_call_and_the_note_and_the_supervisor_stays():
    private = erase(kept(leg="leg-1"), ADA.user_id)

    left = stored(private).decode()
    assert EVE.name in left
    assert not [each for each in (ADA.name, ADA.email, "call-1", "leg-1", "bank") if each in left]
    assert not forgotten(private)


def test_with_the_supervisor_goes_the_note_and_the_call_stays():
    left = stored(erase(kept(), EVE.user_id)).decode()

    assert ADA.name in left
    assert "call-1" in left
    assert not [each for each in (EVE.name, EVE.email, "bank") if each in left]


def test_once_both_are_erased_only_digests_are_left():
    private = erase(erase(kept(), ADA.user_id), EVE.user_id)

    assert forgotten(private)
    assert "salt" not in stored(private).decode()


def test_erasing_somebody_else_changes_nothing():
    private = kept()

    assert erase(private, "u-unknown") is private


def test_the_same_person_in_two_entries_has_two_digests():
    salt = salts()
    first, second = (keep(about_ada(), call={}, salt=salt) for _ in range(2))

    assert digest(first) != digest(second)
    assert first.agent.fields == second.agent.fields


def test_who_is_erased_cannot_be_found_by_trying_names():
    """Without the salt a guess cannot be tested: no salt of an erased part is left anywhere."""
    private = kept()
    erased = erase(private, ADA.user_id)

    assert private.agent.salt not in stored(erased).decode()
    assert private.actor.salt in stored(erased).decode()


def test_nothing_about_persons_needs_no_row():
    assert kept(NOBODY) is None


def when(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "private_before", "entries_before"),
    [
        ("2026-11-21 09:00", "2026-08-23 09:00", "2025-10-21 09:00"),
        ("2026-03-31 12:00", "2025-12-31 12:00", "2025-02-28 12:00"),
        ("2025-03-31 12:00", "2024-12-31 12:00", "2024-02-29 12:00"),
        ("2026-01-15 00:00", "2025-10-17 00:00", "2024-12-15 00:00"),
        ("2027-01-31 00:00", "2026-11-02 00:00", "2025-12-31 00:00"),
    ],
)
def test_ninety_days_for_persons_and_thirteen_months_for_the_rest(now, private_before, entries_before):
    found = due(when(now))

    assert (found.private_before, found.entries_before) == (when(private_before), when(entries_before))


def test_retention_may_be_shorter():
    found = due(when("2026-11-21"), Retention(person_linked_days=1, pseudonymous_months=1))

    assert (found.private_before, found.entries_before) == (when("2026-11-20"), when("2026-10-21"))

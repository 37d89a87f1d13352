"""What a mute says about itself."""

import pytest

from micgate.control import mute
from micgate.control.errors import NotABoolean, NoteRefused, ReasonRefused

CARD = "4111111111111111"


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_missing_reason_is_the_supervisor(nothing):
    assert mute.reason(nothing) == "supervisor"


@pytest.mark.parametrize("text", ["drill", " Drill ", "DRILL"])
def test_a_reason_is_found_however_it_is_written(text):
    assert mute.reason(text) == "drill"


@pytest.mark.parametrize("wrong", ["because", "drills", 7, True])
def test_an_unknown_reason_is_refused_with_the_list(wrong):
    with pytest.raises(ReasonRefused, match="supervisor, agent, system, customer, escalation, drill"):
        mute.reason(wrong)


def test_reasons_can_be_a_list_of_ones_own():
    assert mute.reason("coffee", allowed=("coffee",)) == "coffee"


@pytest.mark.parametrize("nothing", [None, "", "  \n "])
def test_an_empty_note_is_none(nothing):
    assert mute.note(nothing) is None


def test_a_note_becomes_one_line():
    assert mute.note(" asked for\n\ta break ") == "asked for a break"


def test_a_note_of_200_characters_is_kept_and_one_more_is_refused():
    assert mute.note("x" * 200) == "x" * 200
    with pytest.raises(NoteRefused, match="201 characters"):
        mute.note("x" * 201)


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        "card 4111 1111 1111 1111 please",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111 1111 1111 1111 12/29 123",
        "order 7 4111 1111 1111 1111",
        "378282246310005",
        "6304000000000000",
        "4222222222222",
    ],
)
def test_a_card_number_is_refused_and_not_repeated(text):
    with pytest.raises(NoteRefused) as refused:
        mute.note(text)
    assert "1111" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "call back on +44 113 496 0000",
        "ticket 4111111111111112",
        "0000 0000 0000 0000",
        "from 2026-11-20 10:15 until 10:45",
        "a" * 20 + "12345",
    ],
)
def test_other_numbers_stay(text):
    assert mute.note(text) == text


def test_a_note_that_is_no_text_is_refused():
    with pytest.raises(NoteRefused):
        mute.note(41)


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_a_boolean(value):
    assert mute.boolean(value) is value


@pytest.mark.parametrize("wrong", [0, 1, "true", "false", "yes", None, [], 1.0])
def test_nothing_else_is_a_boolean(wrong):
    with pytest.raises(NotABoolean):
        mute.boolean(wrong)

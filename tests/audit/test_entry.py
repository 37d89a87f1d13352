"""What is written down, and what of it may be chained."""

import json
from typing import get_args

import msgspec
import pytest
from books import ADA, EVE, START, SUPERVISOR, about_ada, ended, entry, placed, salts

from micgate.audit import facts
from micgate.audit.entry import MICGATE, NOT_MICGATE, PERSONAL, Actor, ActorKind, action, actor_of, write
from micgate.audit.errors import NotPublic
from micgate.audit.privacy import NOBODY, restored
from micgate.control import fact as control
from micgate.control.command import Kind, Lane, Verb
from micgate.control.microphone import Way
from micgate.control.policy import Baseline, ClosedBy, OnOverride

OURS = get_args(facts.Fact)
CORE = get_args(control.Fact)
SECRET = "leg-0815 of Ada"
VALUES = {
    str: "word",
    str | None: "word",
    float: 1.5,
    float | None: 1.5,
    int: 7,
    int | None: 7,
    bool: True,
    bool | None: True,
    tuple[str, ...]: ("m-1", "m-2"),
}


def filled(kind: type[msgspec.Struct]):
    """A fact with every field set; what may lead to a person holds SECRET."""
    given = {}
    for each in msgspec.structs.fields(kind):
        if each.name in PERSONAL:
            given[each.name] = SECRET
        elif each.name.endswith(("_at", "_at_before")) or each.name == "at":
            given[each.name] = START
        elif each.type in VALUES:
            given[each.name] = VALUES[each.type]
        else:
            given[each.name] = (
                next(iter(getattr(each.type, "__members__", {}).values()), None) or get_args(each.type)[0]
            )
    return kind(**given)


@pytest.mark.parametrize("kind", [*OURS, *CORE], ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_fact_can_be_written_and_none_tells_the_chain_about_a_person(kind):
    written = entry(filled(kind))
    chained = msgspec.structs.replace(written, private=None)

    text = msgspec.json.encode(chained).decode()
    for personal in (SECRET, ADA.user_id, ADA.name, ADA.email, EVE.user_id, EVE.name, "call-1", "bank"):
        assert personal not in text
    assert (SECRET in written.private.body.decode()) == bool(PERSONAL & set(kind.__struct_fields__))


def test_every_action_has_a_name_of_its_own():
    names = [action(filled(kind)) for kind in [*OURS, *CORE]]

    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").replace(".", "", 1).isalpha() and "." in name for name in names)


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (control.LeftClosed(leg="l", why="on_hold", says="x"), "microphone.left_closed"),
        (control.RecordingLeft(), "recording.left"),
        (placed(), "mute.placed"),
    ],
)
def test_actions_read_as_subject_and_verb(fact, name):
    assert action(fact) == name


def test_lengths_become_whole_milliseconds_and_times_utc():
    late = json.loads(entry(msgspec.structs.replace(filled(control.GivenBack), seconds_late=0.0725)).public)
    confirmed = json.loads(entry(control.Confirmed(mutes=("m-1",), leg="l", seconds=0.31, slow=False)).public)
    extended = entry(facts.MuteExtended(release_at=START + 0.5, release_at_before=START, reason="customer"))

    assert late["late_ms"] == 72
    assert confirmed == {"mutes": ["m-1"], "ms": 310, "slow": False}
    assert json.loads(extended.public)["release_at"] == "2026-09-21T14:13:20.500000Z"


def test_an_intent_and_its_outcome_carry_the_same_command():
    intent = facts.Intended(verb=Verb.MUTE, lane=Lane.MUTE, epoch=3, mutes=("m-1",), leg="leg-1")
    outcome = facts.Concluded(
        kind=Kind.REFUSED,
        status=403,
        word="not.authorized",
        says="Ada may not",
        seconds=0.12,
        correlation_id="c0",
    )
    first, last = (entry(each, command_id="c-1", actor=MICGATE) for each in (intent, outcome))

    assert first.command_id == last.command_id == "c-1"
    assert json.loads(last.public) == {
        "kind": "refused", "status": 403, "word": "not.authorized", "ms": 120, "correlation_id": "c0",
    }  # fmt: skip
    assert restored(last.private.body).call.fields["says"] == "Ada may not"


@pytest.mark.parametrize("word", ["Ada Lovelace is not there", "ada@example.com", "x" * 200, "<script>", ""])
def test_a_code_of_the_platform_that_is_no_single_word_is_kept_apart(word):
    written = entry(facts.MuteRefused(word=word), people=NOBODY)

    assert json.loads(written.public) == {}
    assert (written.private is None) == (word == "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": "ada@example.com"},
        {"target": "Ada Lovelace"},
        {"target": ""},
        {"actor": Actor(ActorKind.PERSON, "eve@example.com")},
        {"mute_id": "two words"},
        {"command_id": "line\nbreak"},
    ],
)
def test_a_name_or_an_address_in_the_place_of_an_id_is_refused(wrong):
    with pytest.raises(NotPublic) as refused:
        entry(**wrong)
    assert "example.com" not in str(refused.value)


def test_a_mute_named_by_free_text_is_refused():
    with pytest.raises(NotPublic):
        entry(control.Unconfirmed(mutes=("the mute of Ada",), tries=3))


def changed(by: ClosedBy):
    return control.Changed(at=START, leg="leg-1", muted=False, way=Way.EVENT, by=by)


def test_what_no_command_of_ours_explains_is_laid_to_nobody_of_ours():
    foreign, own = changed(ClosedBy.NOT_US), changed(ClosedBy.US)

    assert (action(foreign), actor_of(foreign)) == ("microphone.foreign_change", NOT_MICGATE)
    assert (action(own), actor_of(own)) == ("microphone.changed", MICGATE)
    overridden = control.Overridden(mutes=("m-1",), answer=OnOverride.YIELD)
    assert actor_of(overridden).spelled == "not-micgate"
    moved = control.Moved(leg_before="a", leg="b", muted=True, baseline=Baseline.OPEN, carried=True)
    assert actor_of(moved).spelled == "micgate"


def test_reading_the_record_is_written_down_too():
    read = facts.AuditRead(what="export", through_seq=812, records=800, with_private=True)
    written = write(read, at=START, actor=SUPERVISOR, target="audit", salt=salts())

    assert (written.action, written.actor, written.private) == ("audit.read", "person:p-7f3a", None)
    assert json.loads(written.public)["through_seq"] == 812


def test_notes_and_names_are_one_line_each():
    written = entry(people=about_ada(note="first\nsecond\x00\ud800 third"))

    assert restored(written.private.body).note.fields == {"text": "first second   third"}


def test_the_owner_of_an_end_may_be_nobody():
    assert entry(ended(), people=NOBODY, mute_id=None).private is None

"""Before a mute stands."""

import pytest

from micgate.control.errors import CallNotChosen, ExtensionRefused, LengthRefused
from micgate.control.microphone import LegState, Observed, Way
from micgate.control.mute import End, Mute, Owner
from micgate.control.placing import (
    Choice,
    Circumstances,
    Condition,
    LiveCall,
    OnlyIf,
    check_spent,
    choose,
    extended,
    rehearse,
    spent,
    unmet,
)

TALKING = LiveCall(conversation_id="talking", held=False)
HELD = LiveCall(conversation_id="held", held=True)
UNKNOWN = LiveCall(conversation_id="x", held=None)


def circumstances(*, state=LegState.LIVE, held=False, **about):
    observed = Observed(leg="a", state=state, muted=False, held=held, at=1.0, way=Way.EVENT)
    return Circumstances(observed=observed, **about)


def check_chain(new, earlier, *, ceiling):
    check_spent(new, spent=spent(new, earlier), within=2 * ceiling)


def mute(*, name="m", placed_at=0.0, seconds=120.0, **about):
    return Mute(
        id=name,
        user_id="ada",
        owner=Owner("person", "grace"),
        conversation_id="c",
        placed_at=placed_at,
        release_at=placed_at + seconds,
        **about,
    )


def test_no_condition_is_always_met():
    assert unmet(OnlyIf(), Circumstances()) == ()


@pytest.mark.parametrize(
    ("only_if", "met", "broken"),
    [
        (OnlyIf(connected=True), circumstances(), circumstances(state=LegState.WAITING)),
        (OnlyIf(not_held=True), circumstances(), circumstances(held=True)),
        (OnlyIf(queue=("Sales", "Care")), circumstances(queue="care"), circumstances(queue="Help")),
        (OnlyIf(presence=("busy",)), circumstances(presence="Busy"), circumstances(presence="Away")),
        (
            OnlyIf(routing_status=("INTERACTING",)),
            circumstances(routing_status="INTERACTING"),
            circumstances(routing_status="IDLE"),
        ),
    ],
)
def test_a_condition_is_met_or_named(only_if, met, broken):
    assert unmet(only_if, met) == ()
    (found,) = unmet(only_if, broken)
    assert not found.unknown
    (unknown,) = unmet(only_if, Circumstances())
    assert unknown.unknown


def test_a_stale_mirror_meets_no_condition_about_the_call():
    found = unmet(OnlyIf(connected=True, not_held=True), circumstances(stale=True))
    assert [each.condition for each in found] == [Condition.CONNECTED, Condition.NOT_HELD]
    assert all(each.unknown for each in found)


def test_every_condition_that_fails_is_named():
    only_if = OnlyIf(connected=True, queue=("Sales",), presence=("Busy",))
    assert len(unmet(only_if, circumstances(state=LegState.OVER, queue="Care"))) == 3


@pytest.mark.parametrize(
    ("calls", "named", "chosen", "said"),
    [
        ([TALKING], None, "talking", False),
        ([HELD], None, "held", True),
        ([HELD, TALKING], None, "talking", True),
        ([HELD, TALKING], "held", "held", False),
    ],
)
def test_one_call_is_named_or_inferred_and_what_is_not_plain_is_said(calls, named, chosen, said):
    choice = choose(calls, named)
    assert choice.conversation_id == chosen
    assert (choice.said is not None) is said


@pytest.mark.parametrize(
    ("calls", "named", "what"),
    [
        ([], None, "no live call"),
        ([TALKING, TALKING], None, "several live calls"),
        ([HELD, HELD], None, "several live calls"),
        ([TALKING, UNKNOWN], None, "several live calls"),
        ([TALKING], "held", "not on that call"),
    ],
)
def test_otherwise_the_calls_are_listed(calls, named, what):
    with pytest.raises(CallNotChosen, match=what) as refused:
        choose(calls, named)
    assert refused.value.choices == tuple(call.conversation_id for call in calls)


def test_a_rehearsal_says_what_placing_would_do():
    ready = circumstances(queue="Sales")
    assert rehearse([TALKING], OnlyIf(queue=("Sales",)), ready).places
    assert rehearse([TALKING], OnlyIf(), ready).choice == Choice(conversation_id="talking")
    missing = rehearse([TALKING], OnlyIf(queue=("Care",)), ready)
    assert not missing.places
    assert missing.unmet[0].found == "Sales"
    refused = rehearse([], OnlyIf(), ready)
    assert (refused.places, refused.refused.word) == (False, "call_not_chosen")
    assert rehearse([], OnlyIf(), ready, covers_agent=True).places


def test_a_mute_is_extended_from_now():
    assert extended(mute(), seconds=300, reason="still talking", now=60, ceiling=900).release_at == 360


def test_an_extension_needs_a_standing_mute_and_a_reason():
    with pytest.raises(ExtensionRefused, match="reason"):
        extended(mute(), seconds=60, reason="  ", now=60, ceiling=900)
    for over in (mute(ended_at=50.0, end=End.RELEASED), mute(seconds=30)):
        with pytest.raises(ExtensionRefused, match="ended"):
            extended(over, seconds=60, reason="more", now=60, ceiling=900)
    for seconds in (0, -1, float("nan")):
        with pytest.raises(LengthRefused):
            extended(mute(), seconds=seconds, reason="more", now=60, ceiling=900)


def test_an_extension_ends_at_twice_the_ceiling_and_never_beyond_the_cap():
    assert extended(mute(), seconds=1740, reason="more", now=60, ceiling=900).release_at == 1800
    with pytest.raises(LengthRefused, match="at most 29 min from now"):
        extended(mute(), seconds=1741, reason="more", now=60, ceiling=900)
    with pytest.raises(LengthRefused, match="120 min"):
        extended(mute(), seconds=7201, reason="more", now=60, ceiling=99_999)


def test_mutes_are_not_chained_past_twice_the_ceiling():
    earlier = [mute(name="a", seconds=900), mute(name="b", placed_at=1000, seconds=900, ended_at=1600.0)]
    check_chain(mute(placed_at=2000, seconds=300), earlier, ceiling=900)
    with pytest.raises(LengthRefused, match="at most 5 min"):
        check_chain(mute(placed_at=2000, seconds=301), earlier, ceiling=900)


def test_a_call_that_lasts_for_days_starts_a_new_chain_each_day():
    earlier = [mute(name="a", seconds=900), mute(name="b", placed_at=1000, seconds=900)]
    with pytest.raises(LengthRefused):
        check_chain(mute(placed_at=86_400), earlier, ceiling=900)
    check_chain(mute(placed_at=87_401), earlier, ceiling=900)


def test_other_owners_and_other_calls_are_not_part_of_the_chain():
    earlier = [mute(name="a", seconds=900), mute(name="b", seconds=900)]
    other = mute(placed_at=2000, seconds=900)
    with pytest.raises(LengthRefused, match="somebody else"):
        check_chain(other, earlier, ceiling=900)
    check_chain(
        Mute(
            id="n",
            user_id="ada",
            owner=Owner("person", "linus"),
            conversation_id="c",
            placed_at=0.0,
            release_at=900.0,
        ),
        earlier,
        ceiling=900,
    )

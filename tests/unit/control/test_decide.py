"""The rules that are easy to get wrong, one by one, against one simulated microphone."""

import msgspec
import pytest
from tiny_platform import (
    ACCEPTED,
    CUT_AFTER,
    CUT_BEFORE,
    FORGOTTEN,
    HANGS,
    LIMITED,
    NOT_SENT,
    REFUSED,
    SLOW,
    Episode,
    Fate,
    seen_open,
)

from micgate.control.command import Kind, Lane, Outcome, Verb
from micgate.control.conclude import conclude
from micgate.control.fact import (
    Changed,
    Confirmed,
    Contested,
    GivenBack,
    Kept,
    LeftClosed,
    Overridden,
    Refused,
    ReleaseLate,
    Unconfirmed,
)
from micgate.control.microphone import Phase, State, Way, state, state_of
from micgate.control.policy import OnOverride, OpenPolicy

MUTE, OPEN, READ = Verb.MUTE, Verb.OPEN, Verb.READ


def muted(**about) -> tuple[Episode, object]:
    """A mute of two minutes, confirmed."""
    episode = seen_open()
    mute = episode.place(**about)
    episode.run(1)
    assert episode.memory.phase is Phase.CONFIRMED
    return episode, mute


def shown(episode):
    return state(episode.memory)


# -- placing ----------------------------------------------------------------------------------------------


def test_a_mute_takes_one_request_and_its_release_one():
    episode, mute = muted()
    assert episode.truth.muted
    episode.release(mute)
    episode.run(1)
    assert not episode.truth.muted
    assert episode.verbs() == [MUTE, OPEN]
    assert episode.memory.phase is Phase.IDLE


def test_muted_is_said_only_when_it_was_observed():
    episode = seen_open()
    episode.place()
    assert shown(episode) is State.PENDING
    episode.run(0.12)
    assert shown(episode) is State.PENDING
    episode.run(0.1)
    assert shown(episode) is State.CONFIRMED


def test_a_mute_is_sent_although_the_mirror_says_muted():
    episode = seen_open()
    episode.press(muted=True)
    episode.run(1)
    episode.lose_events = True
    episode.press(muted=False)
    episode.run(1)
    episode.lose_events = False
    episode.place()
    episode.run(1)
    assert MUTE in episode.verbs()
    assert episode.truth.muted


def test_what_the_agent_had_muted_stays_muted():
    episode = seen_open()
    episode.press(muted=True)
    episode.run(1)
    mute = episode.place()
    episode.run(5)
    assert shown(episode) is State.CONFIRMED
    episode.release(mute)
    episode.run(60)
    assert episode.truth.muted
    assert OPEN not in episode.verbs()
    assert episode.said(Kept)
    assert episode.memory.phase is Phase.IDLE


def test_a_stale_mirror_is_read_before_the_mute_so_that_the_microphone_can_be_given_back():
    episode = seen_open()
    episode.gap()
    mute = episode.place()
    episode.run(1)
    assert episode.verbs() == [READ, MUTE]
    episode.release(mute)
    assert not episode.run(1).truth.muted


def test_it_is_muted_all_the_same_when_that_read_fails_and_what_was_there_stays_unproven():
    episode = seen_open()
    episode.gap()
    episode.fates = [NOT_SENT, Fate(0.01)]
    mute = episode.place()
    episode.run(5)
    assert episode.verbs() == [READ, MUTE, READ]
    assert episode.truth.muted
    episode.release(mute)
    episode.run(60)
    assert episode.memory.phase is Phase.LEFT_CLOSED
    assert episode.said(LeftClosed)[0].why == "unproven"


def test_a_second_mute_sends_again_and_the_first_release_opens_nothing():
    episode, first = muted()
    second = episode.place()
    episode.run(3)
    assert episode.verbs()[:2] == [MUTE, MUTE]
    episode.release(first)
    episode.run(3)
    assert episode.truth.muted
    assert shown(episode) is State.CONFIRMED
    episode.release(second)
    assert not episode.run(3).truth.muted


# -- not confirmed ----------------------------------------------------------------------------------------


def test_a_lost_event_is_made_up_for_by_a_read_after_two_seconds():
    episode = seen_open()
    episode.lose_events = True
    mute = episode.place()
    episode.run(1.9)
    assert episode.verbs() == [MUTE]
    episode.run(0.2)
    assert episode.verbs() == [MUTE, READ]
    assert shown(episode) is State.CONFIRMED
    episode.release(mute)
    episode.run(5)
    assert not episode.truth.muted


def test_still_open_it_is_sent_again_after_1_3_and_9_seconds_and_then_every_30():
    episode = seen_open()
    episode.default = ACCEPTED
    begun = episode.now
    episode.fates = [each for _ in range(8) for each in (FORGOTTEN, ACCEPTED)]
    episode.place(seconds=600)
    episode.run(100)
    sent = [round(command.made_at - begun) for command in episode.commands if command.verb is MUTE]
    assert sent == [0, 3, 8, 19, 49, 79]
    assert shown(episode) is State.UNCONFIRMED
    (said,) = episode.said(Unconfirmed)
    assert said.tries == 4
    assert said.alert


def test_an_unconfirmed_mute_is_confirmed_when_it_is_seen_after_all():
    episode = seen_open()
    episode.fates = [each for _ in range(5) for each in (FORGOTTEN, ACCEPTED)]
    episode.place(seconds=600)
    episode.run(90)
    assert shown(episode) is State.CONFIRMED


def test_a_slow_confirmation_is_marked():
    episode = seen_open()
    episode.fates = [Fate(3.0)]
    episode.place()
    episode.run(5)
    (said,) = episode.said(Confirmed)
    assert said.slow
    assert said.seconds > 2


def test_a_mute_that_a_rate_limit_turned_away_is_sent_again_when_it_may():
    episode = seen_open()
    episode.fates = [LIMITED]
    begun = episode.now
    episode.place()
    episode.run(3)
    assert [round(command.made_at - begun, 1) for command in episode.commands] == [0, 1.0]
    assert episode.truth.muted


def test_an_endless_invitation_is_not_taken_up_in_a_hot_loop():
    episode = seen_open()
    episode.default = Fate(None, Kind.REFUSED, 0.02, 0.0)
    episode.place(seconds=300)
    episode.run(60)
    assert len(episode.commands) < 10
    assert shown(episode) is State.UNCONFIRMED


def test_a_refused_mute_ends_as_failed_with_why():
    episode = seen_open()
    episode.fates = [REFUSED]
    mute = episode.place()
    episode.run(2)
    assert episode.end_of(mute) == "failed"
    assert episode.verbs() == [MUTE, READ]
    assert episode.said(Refused)[0].verb is MUTE
    assert episode.memory.phase is Phase.IDLE


def test_a_mute_refused_because_the_agent_has_left_ends_with_the_call():
    episode = seen_open()
    episode.lose_events = True
    episode.leave()
    mute = episode.place()
    episode.run(2)
    assert episode.end_of(mute) == "call_ended"


# -- doubts -----------------------------------------------------------------------------------------------


def test_the_opposite_of_an_unknown_outcome_is_sent_at_once_and_settles_for_15_seconds():
    episode = seen_open()
    episode.fates = [SLOW]
    mute = episode.place()
    episode.run(1.5)
    episode.release(mute)
    assert episode.verbs() == [MUTE, OPEN]
    episode.run(2)
    assert shown(episode) is State.RELEASING
    episode.run(8)
    assert not episode.truth.muted
    assert episode.memory.phase is Phase.SETTLING
    episode.run(10)
    assert episode.memory.phase is Phase.IDLE
    assert episode.commands[-1].verb is READ
    assert episode.commands[-1].made_at >= mute.placed_at + 16


def test_settling_whose_doubt_is_gone_early_takes_one_read():
    episode = seen_open()
    episode.fates = [SLOW]
    mute = episode.place()
    episode.run(1.5)
    episode.release(mute)
    episode.run(3)
    assert episode.memory.phase is Phase.SETTLING
    never_sent = Outcome(command_id=episode.commands[0].id, kind=Kind.REFUSED, at=episode.now)
    episode.memory = conclude(episode.memory, never_sent, episode.now)
    before = episode.verbs().count(READ)
    episode.decide()
    episode.run(1)
    assert episode.verbs().count(READ) == before + 1
    assert episode.memory.phase is Phase.IDLE


def test_a_late_mute_of_ours_is_taken_back():
    episode = seen_open()
    episode.fates = [Fate(8.0, Kind.UNKNOWN)]
    mute = episode.place()
    episode.run(1)
    episode.release(mute)
    episode.run(6)
    assert not episode.truth.muted
    episode.run(2)
    assert not episode.truth.muted
    assert episode.verbs().count(OPEN) == 2


def test_a_change_that_matches_a_doubt_ends_no_mute():
    episode, first = muted()
    episode.fates = [Fate(5.0, Kind.UNKNOWN)]
    episode.release(first)
    episode.run(1)
    second = episode.place()
    episode.run(10)
    assert episode.end_of(second) is None
    assert not episode.said(Overridden)
    assert episode.truth.muted


def test_never_a_second_command_while_one_is_pending():
    episode = seen_open()
    episode.fates = [HANGS]
    mute = episode.place()
    episode.release(mute)
    episode.run(14)
    assert episode.verbs() == [MUTE]
    episode.run(3)
    assert episode.verbs()[:2] == [MUTE, OPEN]


def test_an_unmute_lost_on_the_way_is_found_by_a_read_and_sent_again():
    episode, mute = muted()
    episode.fates = [CUT_BEFORE]
    episode.release(mute)
    episode.run(5)
    assert not episode.truth.muted
    assert episode.verbs()[1:4] == [OPEN, READ, OPEN]


def test_an_unmute_whose_answer_was_lost_is_not_sent_twice():
    episode, mute = muted()
    episode.fates = [CUT_AFTER]
    episode.release(mute)
    episode.run(20)
    assert episode.verbs().count(OPEN) == 1
    assert episode.memory.phase is Phase.IDLE


def test_a_mute_that_was_seen_is_still_said_to_be_while_another_one_is_sent():
    episode, first = muted()
    episode.place()
    said = [shown(episode)]
    for _ in range(10):
        episode.run(0.1)
        said.append(state_of(first.id, (episode.memory,)))
    assert set(said) == {State.CONFIRMED}


def test_another_mute_is_confirmed_by_what_was_seen_after_its_own_request():
    episode, _first = muted()
    second = episode.place()
    assert state_of(second.id, (episode.memory,)) is State.PENDING
    episode.run(0.3)
    assert (episode.verbs(), state_of(second.id, (episode.memory,))) == ([MUTE, MUTE], State.PENDING)
    episode.run(0.3)
    assert (episode.verbs(), state_of(second.id, (episode.memory,))) == ([MUTE, MUTE, READ], State.CONFIRMED)


def test_a_mute_placed_while_the_microphone_is_given_back_is_not_said_to_be_seen_already():
    episode, first = muted()
    episode.release(first)
    second = episode.place()
    assert episode.memory.seen_muted
    assert (shown(episode), state_of(second.id, (episode.memory,))) == (State.PENDING, State.PENDING)


def test_silence_that_was_broken_is_not_said_any_more():
    episode, first = muted(on_override=OnOverride.REASSERT)
    episode.press(muted=False)
    episode.run(0.06)
    episode.press(muted=True)
    episode.run(0.06)
    assert episode.memory.seen_muted
    episode.place()
    assert state_of(first.id, (episode.memory,)) is State.PENDING


# -- override ---------------------------------------------------------------------------------------------


def test_an_override_is_concluded_only_from_a_read():
    episode, mute = muted()
    stale = msgspec.structs.replace(episode.delivered[0], way=Way.EVENT)
    episode.deliver(stale)
    assert episode.verbs() == [MUTE, READ]
    assert episode.end_of(mute) is None
    episode.run(1)
    assert episode.end_of(mute) is None
    assert shown(episode) is State.CONFIRMED


def test_yield_ends_the_mute_and_leaves_the_microphone_open():
    episode, mute = muted()
    episode.press(muted=False)
    episode.run(1)
    assert episode.end_of(mute) == "overridden"
    assert episode.said(Overridden)[0].answer is OnOverride.YIELD
    assert episode.said(Changed)[-1].by == "not_us"
    episode.run(60)
    assert episode.verbs().count(MUTE) == 1
    assert episode.memory.phase is Phase.IDLE


def test_notify_tells_and_lets_it_be():
    episode, mute = muted(on_override=OnOverride.NOTIFY)
    episode.press(muted=False)
    episode.run(30)
    assert episode.end_of(mute) is None
    assert shown(episode) is State.CONTESTED
    assert len(episode.said(Overridden)) == 1
    assert episode.verbs().count(MUTE) == 1


def test_reassert_mutes_again_in_its_own_lane():
    episode, mute = muted(on_override=OnOverride.REASSERT)
    episode.press(muted=False)
    episode.run(2)
    assert episode.truth.muted
    assert episode.end_of(mute) is None
    assert episode.commands[-1].lane is Lane.REASSERT


def test_never_a_mute_war():
    episode, _mute = muted(on_override=OnOverride.REASSERT, seconds=600)
    for _ in range(60):
        episode.press(muted=False)
        episode.run(5)
    assert episode.reasserted() == 3
    assert shown(episode) is State.CONTESTED
    (said,) = episode.said(Contested)
    assert said.alert
    assert not episode.truth.muted


def test_reasserts_are_counted_over_one_minute():
    episode, _mute = muted(on_override=OnOverride.REASSERT, seconds=600)
    for _ in range(5):
        episode.press(muted=False)
        episode.run(30)
    assert episode.truth.muted
    assert episode.reasserted() == 5


def test_a_new_mute_on_a_contested_microphone_is_tried():
    episode, _mute = muted(on_override=OnOverride.NOTIFY)
    episode.press(muted=False)
    episode.run(5)
    episode.place()
    episode.run(2)
    assert shown(episode) is State.CONFIRMED


def test_each_mute_answers_an_override_in_its_own_way():
    episode, gives_way = muted()
    stays = episode.place(on_override=OnOverride.REASSERT)
    episode.run(5)
    episode.press(muted=False)
    episode.run(3)
    assert (episode.end_of(gives_way), episode.end_of(stays)) == ("overridden", None)
    assert episode.truth.muted


def test_what_the_agent_closed_after_opening_it_is_never_opened():
    episode, mute = muted(on_override=OnOverride.NOTIFY)
    episode.press(muted=False)
    episode.run(20)
    episode.press(muted=True)
    episode.run(5)
    episode.release(mute)
    episode.run(60)
    assert episode.truth.muted
    assert OPEN not in episode.verbs()
    assert episode.memory.phase is Phase.LEFT_CLOSED


# -- giving back ------------------------------------------------------------------------------------------


def test_it_ends_on_time_and_wakes_for_it():
    episode = seen_open()
    mute = episode.place(seconds=30)
    episode.run(1)
    assert episode.wake_at == mute.release_at
    episode.run(29.5)
    assert episode.end_of(mute) == "expired"
    assert not episode.truth.muted
    assert episode.said(GivenBack)[0].seconds_late < 1


def test_nothing_to_open_is_concluded_only_from_a_read():
    episode, mute = muted(on_override=OnOverride.NOTIFY)
    episode.fates = [NOT_SENT]
    episode.press(muted=False)
    episode.run(0.1)
    episode.release(mute)
    episode.run(20)
    assert episode.memory.phase is Phase.IDLE
    assert episode.commands[-1].verb is READ
    assert OPEN not in episode.verbs()


def test_a_refused_unmute_is_tried_and_alerted_for_ever():
    episode, mute = muted()
    episode.default = REFUSED
    episode.release(mute)
    episode.run(300)
    refused = episode.said(Refused)
    assert len(refused) == episode.verbs().count(OPEN) > 8
    assert all(said.alert for said in refused)
    assert len(episode.said(ReleaseLate)) == 1
    assert shown(episode) is State.RELEASING
    episode.default = ACCEPTED
    episode.run(32)
    assert not episode.truth.muted


@pytest.mark.parametrize("outage", [NOT_SENT, CUT_BEFORE])
def test_an_unreachable_platform_is_tried_for_ever_and_served_within_5_seconds_of_its_return(outage):
    episode, mute = muted()
    episode.default = outage
    episode.release(mute)
    episode.run(600)
    assert episode.truth.muted
    episode.default = ACCEPTED
    episode.run(5)
    assert not episode.truth.muted


def test_more_than_a_minute_late_it_is_left_closed_and_told():
    episode = seen_open()
    episode.place(seconds=30)
    episode.run(1)
    episode.now += 95
    episode.decide()
    assert shown(episode) is State.LEFT_CLOSED
    assert episode.said(LeftClosed)[0].why == "too_late"


def test_a_minute_late_counts_from_the_release_and_not_from_when_it_was_noticed():
    episode, mute = muted()
    episode.change(mute.id, ended_at=episode.now, end="released")
    episode.now += 61
    episode.decide()
    assert episode.said(LeftClosed)[0].why == "too_late"


@pytest.mark.parametrize("policy", [OpenPolicy.ASK, OpenPolicy.NEVER])
def test_the_open_policy_leaves_it_to_the_agent(policy):
    episode, mute = muted(open_policy=policy)
    episode.release(mute)
    episode.run(10)
    assert episode.truth.muted
    assert shown(episode) is State.LEFT_CLOSED
    episode.press(muted=False)
    episode.run(20)
    assert episode.memory.phase is Phase.IDLE
    assert (episode.said(GivenBack)[0].by_us, episode.said(GivenBack)[0].seconds_late) == (False, None)


@pytest.mark.parametrize("policy", [OpenPolicy.ASK, OpenPolicy.NEVER])
def test_what_was_left_to_the_agent_is_not_opened_after_another_mute(policy):
    """The agent may rely on being unheard until the button is pressed."""
    episode, mute = muted(open_policy=policy)
    episode.release(mute)
    episode.run(10)
    second = episode.place()
    episode.run(5)
    episode.release(second)
    episode.run(60)
    assert OPEN not in episode.verbs()
    assert shown(episode) is State.LEFT_CLOSED
    assert len(episode.said(LeftClosed)) == 2


def test_what_was_left_because_it_was_late_is_not_opened_after_another_mute():
    episode = seen_open()
    episode.place(seconds=30)
    episode.run(1)
    episode.now += 95
    episode.decide()
    episode.run(5)
    second = episode.place()
    episode.run(5)
    episode.release(second)
    episode.run(60)
    assert OPEN not in episode.verbs()
    assert shown(episode) is State.LEFT_CLOSED


def test_once_the_agent_has_opened_it_the_next_mute_is_given_back():
    episode, mute = muted(open_policy=OpenPolicy.NEVER)
    episode.release(mute)
    episode.run(10)
    episode.press(muted=False)
    episode.run(20)
    second = episode.place()
    episode.run(5)
    episode.release(second)
    episode.run(5)
    assert not episode.truth.muted


def test_a_give_back_that_is_under_way_is_made_after_another_mute_all_the_same():
    episode, mute = muted()
    episode.default = REFUSED
    episode.release(mute)
    episode.run(200)
    episode.default = ACCEPTED
    second = episode.place()
    episode.run(5)
    episode.release(second)
    episode.run(5)
    assert not episode.truth.muted


def test_of_mutes_that_end_together_the_most_careful_decides():
    episode = seen_open()
    episode.place(seconds=30)
    episode.place(seconds=30, open_policy=OpenPolicy.NEVER)
    episode.run(40)
    assert shown(episode) is State.LEFT_CLOSED


def test_a_mute_that_ended_before_anybody_looked_has_its_say_too():
    episode, first = muted(seconds=30)
    late = msgspec.structs.replace(first, id="late", release_at=episode.now + 5, open_policy=OpenPolicy.NEVER)
    episode.mutes[late.id] = late
    episode.now += 40
    episode.decide()
    episode.run(5)
    assert OPEN not in episode.verbs()
    assert shown(episode) is State.LEFT_CLOSED


def test_a_stale_mirror_is_read_before_opening():
    episode, mute = muted()
    episode.lose_events = True
    episode.default = NOT_SENT
    episode.gap()
    episode.release(mute)
    episode.run(20)
    assert OPEN not in episode.verbs()
    episode.default = ACCEPTED
    episode.run(10)
    assert episode.verbs()[-3:] == [READ, OPEN, READ]
    assert not episode.truth.muted


def test_a_mute_placed_and_released_before_anything_was_sent_leaves_nothing():
    episode = seen_open()
    episode.leave()
    episode.run(1)
    episode.ring()
    episode.run(1)
    mute = episode.place()
    episode.run(1)
    episode.release(mute)
    assert episode.memory.phase is Phase.IDLE
    assert episode.commands == []


def test_one_stale_event_after_an_event_closes_no_gap_in_what_is_known():
    """Open, then closed, with no command of ours between: as far as anything shows, somebody else did it."""
    episode, mute = muted()
    episode.deliver(msgspec.structs.replace(episode.delivered[0], way=Way.EVENT))
    episode.run(1)
    episode.release(mute)
    episode.run(20)
    assert OPEN not in episode.verbs()
    assert shown(episode) is State.LEFT_CLOSED


# -- lengths ----------------------------------------------------------------------------------------------


def test_an_owner_who_is_gone_ends_the_mute_after_a_minute_of_grace():
    episode = seen_open()
    mute = episode.place(seconds=600, renew_by=episode.now + 15)
    episode.run(74)
    assert episode.end_of(mute) is None
    episode.run(2)
    assert episode.end_of(mute) == "owner_gone"
    assert not episode.truth.muted


def test_an_owner_who_renews_keeps_it():
    episode = seen_open()
    mute = episode.place(seconds=600, renew_by=episode.now + 15)
    episode.run(30)
    episode.change(mute.id, renew_by=episode.now + 600)
    episode.run(300)
    assert episode.end_of(mute) is None


def test_an_extended_mute_stands_longer():
    episode = seen_open()
    mute = episode.place(seconds=30)
    episode.run(20)
    episode.change(mute.id, release_at=mute.release_at + 60)
    episode.run(60)
    assert episode.truth.muted
    assert not episode.run(15).truth.muted


def test_changes_by_others_just_before_a_mute_are_recorded_with_it():
    episode = seen_open()
    episode.press(muted=True)
    episode.run(30)
    assert episode.facts == []
    episode.place()
    (said,) = episode.said(Changed)
    assert said.by == "not_us"

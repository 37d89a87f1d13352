"""Transfer, consult, conference, hold and wrap-up: what a mute does when the call moves on."""

from tiny_platform import NOT_SENT, REFUSED, Episode, seen_open

from micgate.control.command import Verb
from micgate.control.fact import LeftClosed, Moved, Overridden
from micgate.control.microphone import Phase, State, state
from micgate.control.mute import Mute, Owner, covering
from micgate.control.policy import OpenPolicy

MUTE, OPEN, READ = Verb.MUTE, Verb.OPEN, Verb.READ


def muted(**about) -> tuple[Episode, Mute]:
    episode = seen_open()
    mute = episode.place(**about)
    episode.run(1)
    return episode, mute


def test_a_mute_of_a_call_ends_when_the_agent_leaves_it():
    episode, mute = muted()
    episode.leave()
    episode.run(1)
    assert episode.end_of(mute) == "call_ended"
    assert episode.memory.phase is Phase.IDLE
    assert OPEN not in episode.verbs()


def test_the_end_of_a_call_is_concluded_only_from_a_read():
    episode, mute = muted()
    episode.leave()
    episode.run(0.06)
    assert episode.end_of(mute) is None
    assert episode.commands[-1].verb is READ


def test_a_mute_of_a_call_follows_the_agent_to_the_next_leg():
    episode, mute = muted()
    episode.truth.leg = "leg-2"
    episode.truth.muted = False
    episode.publish()
    episode.run(1)
    assert episode.truth.muted
    assert episode.end_of(mute) is None
    assert not episode.said(Overridden)
    episode.release(mute)
    assert not episode.run(1).truth.muted


def test_where_the_platform_carries_the_mute_along_it_is_given_back_on_the_new_leg():
    episode, mute = muted()
    episode.truth.leg = "leg-2"
    episode.publish()
    episode.run(1)
    assert episode.said(Moved)[0].carried
    episode.release(mute)
    episode.run(1)
    assert not episode.truth.muted
    assert episode.commands[-1].leg == "leg-2"


def test_a_mute_that_comes_back_with_the_agent_after_it_ended_is_taken_back():
    episode, mute = muted()
    episode.leave()
    episode.run(5)
    episode.ring()
    episode.run(5)
    episode.join(muted=True)
    episode.run(3)
    assert not episode.truth.muted
    assert episode.memory.phase is Phase.IDLE
    assert [one.mutes for one in episode.commands if one.verb is Verb.OPEN] == [(mute.id,)]


def test_more_than_a_minute_later_that_is_left_to_the_agent():
    episode, _mute = muted()
    episode.leave()
    episode.run(90)
    episode.join(muted=True)
    episode.run(3)
    assert state(episode.memory) is State.LEFT_CLOSED
    assert episode.said(LeftClosed)[0].why == "too_late"


def test_an_agent_who_comes_back_open_is_not_muted_again():
    episode, _mute = muted()
    episode.leave()
    episode.run(5)
    episode.join()
    episode.run(5)
    assert not episode.truth.muted
    assert episode.verbs().count(MUTE) == 1


def test_a_mute_of_the_agent_meets_every_leg():
    episode, mute = muted(agent=True, seconds=600)
    for _ in range(3):
        episode.leave()
        episode.run(5)
        episode.ring()
        episode.run(5)
        episode.join()
        episode.run(5)
        assert episode.truth.muted
    assert episode.end_of(mute) is None
    episode.release(mute)
    assert not episode.run(2).truth.muted


def test_a_ringing_leg_is_muted_when_it_is_answered():
    episode, _mute = muted(agent=True)
    episode.leave()
    episode.run(1)
    episode.ring()
    episode.run(10)
    assert episode.verbs().count(MUTE) == 1
    assert state(episode.memory) is State.PENDING
    episode.join()
    episode.run(1)
    assert episode.verbs().count(MUTE) == 2


def test_an_answer_whose_event_was_lost_is_found():
    episode, _mute = muted(agent=True)
    episode.leave()
    episode.run(1)
    episode.ring()
    episode.run(1)
    episode.lose_events = True
    episode.join()
    episode.run(35)
    assert episode.truth.muted


def rings_and_is_answered_unheard() -> Episode:
    episode = seen_open()
    episode.leave()
    episode.run(5)
    episode.ring()
    episode.run(5)
    episode.lose_events = True
    episode.join(muted=True)
    return episode.run(5)


def test_a_mute_of_somebody_last_seen_ringing_looks_at_once_whether_that_was_answered():
    episode = rings_and_is_answered_unheard()
    episode.place(agent=True)
    episode.run(1)
    assert episode.verbs() == [READ, MUTE]
    assert episode.truth.muted


def test_that_look_is_tried_again_soon_when_it_got_no_answer():
    episode = rings_and_is_answered_unheard()
    episode.fates = [NOT_SENT]
    episode.place(agent=True)
    episode.run(2)
    assert episode.truth.muted


def test_where_it_still_rings_one_look_is_enough():
    episode = seen_open()
    episode.leave()
    episode.run(5)
    episode.ring()
    episode.run(5)
    episode.place(agent=True)
    episode.run(20)
    assert episode.verbs() == [READ]


def test_what_rings_while_the_mute_stands_is_not_looked_at_for_a_while():
    episode, _mute = muted(agent=True)
    episode.leave()
    episode.run(5)
    before = episode.verbs().count(READ)
    episode.ring()
    episode.run(20)
    assert episode.verbs().count(READ) == before


def test_a_mute_that_was_carried_to_a_leg_answered_unheard_is_given_back_in_time():
    episode, mute = muted(agent=True)
    episode.leave()
    episode.run(1)
    episode.ring()
    episode.run(5)
    episode.lose_events = True
    episode.join(muted=True)
    episode.run(5)
    assert episode.truth.muted
    episode.release(mute)
    episode.run(5)
    assert not episode.truth.muted


def test_a_refusal_about_the_leg_that_was_left_does_not_fail_the_mute():
    episode = seen_open()
    episode.fates = [REFUSED]
    mute = episode.place()
    episode.truth.leg = "leg-2"
    episode.publish()
    episode.run(2)
    assert episode.end_of(mute) is None
    assert episode.truth.muted


def test_a_mute_lasts_through_a_hold_and_is_given_back_after_it():
    episode, mute = muted()
    episode.hold(held=True)
    episode.run(10)
    episode.hold(held=False)
    episode.run(5)
    assert state(episode.memory) is State.CONFIRMED
    episode.release(mute)
    assert not episode.run(1).truth.muted


def test_where_a_hold_drops_the_mute_it_is_placed_again_and_is_no_override():
    episode, mute = muted()
    episode.hold(held=True, drops_mute=True)
    episode.run(3)
    assert episode.truth.muted
    assert episode.end_of(mute) is None
    assert not episode.said(Overridden)


def test_a_microphone_on_hold_is_not_opened_but_once_the_call_is_retrieved():
    episode, mute = muted()
    episode.hold(held=True)
    episode.run(5)
    episode.release(mute)
    episode.run(20)
    assert episode.truth.muted
    assert episode.said(LeftClosed)[0].why == "on_hold"
    episode.hold(held=False)
    episode.run(2)
    assert not episode.truth.muted
    assert episode.memory.phase is Phase.IDLE


def test_retrieved_more_than_a_minute_later_it_is_left_to_the_agent():
    episode, mute = muted()
    episode.hold(held=True)
    episode.run(5)
    episode.release(mute)
    episode.run(70)
    episode.hold(held=False)
    episode.run(10)
    assert episode.truth.muted
    assert len(episode.said(LeftClosed)) == 1


def test_a_consult_or_a_conference_leaves_the_leg_and_the_mute_alone():
    episode, mute = muted()
    for _ in range(3):
        episode.publish()
        episode.run(1)
    assert episode.verbs() == [MUTE]
    assert episode.end_of(mute) is None


def test_what_the_platform_says_in_wrap_up_means_nothing():
    episode, _mute = muted()
    episode.leave()
    episode.run(1)
    requests = len(episode.commands)
    episode.truth.muted = False
    episode.publish()
    episode.run(10)
    assert len(episode.commands) == requests
    assert not episode.said(Overridden)


def wish(mute_id, *, user="ada", call=None, ended=None):
    return Mute(
        id=mute_id,
        user_id=user,
        owner=Owner("key", "k"),
        placed_at=0.0,
        release_at=60.0,
        conversation_id=call,
        ended_at=ended,
    )


def test_covering_names_the_mutes_that_stand_on_a_microphone():
    mutes = (
        wish("this call", call="c1"),
        wish("every call"),
        wish("another call", call="c2"),
        wish("somebody else", user="bob", call="c1"),
        wish("over", call="c1", ended=10.0),
    )
    found = covering(mutes, user_id="ada", conversation_id="c1")
    assert [mute.id for mute in found] == ["this call", "every call"]


def test_a_mute_of_the_agent_that_gives_way_on_one_call_ends_as_a_whole():
    episode, mute = muted(agent=True, open_policy=OpenPolicy.RESTORE)
    episode.press(muted=False)
    episode.run(2)
    assert episode.end_of(mute) == "overridden"

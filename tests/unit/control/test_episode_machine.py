"""The core against a platform that loses, delays, repeats and refuses, with people who press buttons.

The judge knows only what was sent and delivered, and what is true; not what the core remembers.
"""

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tiny_platform import FATES, Episode

from micgate.control.command import Kind, Lane, Verb
from micgate.control.fact import Confirmed, Overridden
from micgate.control.microphone import LegState, Phase, Way
from micgate.control.policy import OnOverride, OpenPolicy

DOUBT = 15.0
WINDOW = 60.0
THEN = st.sampled_from([0.0, 0.03, 0.3, 1.5, 5.0, 20.0])


class Judge:
    """Follows what is delivered: who closed the microphone, as far as that shows?"""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.leg = None
        self.muted = None
        self.foreign = False
        self.former = set()
        self.blind = False
        self.mutes = {}
        self.landed = set()

    def take(self, seen) -> None:
        if seen.way is Way.EVENT and seen.leg in self.former:
            return
        if seen.way is Way.READ or self.nothing_of_ours():
            self.blind = False
        if seen.state is LegState.OVER:
            self.former.add(seen.leg)
        if seen.state is not LegState.LIVE or seen.muted is None:
            return
        if self.leg and seen.leg != self.leg:
            self.former.add(self.leg)
        closed = seen.muted and (self.muted is not True or self.leg is None)
        if closed and not self.explained(seen.at):
            self.foreign = True
        if not seen.muted:
            self.foreign = False
        if seen.muted:
            self.landed |= {one for one, (kind, _) in self.mutes.items() if kind is None}
            self.mutes = {one: about for one, about in self.mutes.items() if about[0] is not Kind.ACCEPTED}
        self.leg, self.muted = seen.leg, seen.muted

    def explained(self, at: float) -> bool:
        """A mute of ours is unanswered, accepted and not yet seen, or unknown and not yet expired."""
        return any(until > at for _, until in self.mutes.values())

    def nothing_of_ours(self) -> bool:
        memory = self.episode.memory
        return memory.phase is Phase.IDLE and not (memory.mutes or memory.doubts or memory.pending)

    def made(self, command_id: str) -> None:
        self.mutes[command_id] = (None, float("inf"))

    def closed(self, command_id: str, kind: Kind) -> None:
        if command_id not in self.mutes:
            return
        if kind in {Kind.REFUSED, Kind.NOT_SENT} or (kind is Kind.ACCEPTED and command_id in self.landed):
            del self.mutes[command_id]
        else:
            self.mutes[command_id] = (kind, self.episode.now + DOUBT)


class Microphone(RuleBasedStateMachine):
    fair = False

    def __init__(self) -> None:
        super().__init__()
        self.episode = Episode()
        self.judge = Judge(self.episode)
        self.episode.watch = self.check
        self.episode.closed = self.judge.closed
        self.episode.told = self.judge.take
        self.lost = False
        self.facts = self.seen = 0

    @initialize(seen=st.sampled_from([True, True, False]), muted=st.sampled_from([False, False, True]))
    def begin(self, seen, muted):
        self.episode.truth.muted = muted
        self.episode.truth.closer = "agent" if muted else ""
        if seen:
            self.episode.publish()
            self.run(1)

    # -- the judge ----------------------------------------------------------------------------------------

    def check(self, command) -> None:
        if command.verb is Verb.MUTE:
            self.judge.made(command.id)
        if command.verb is Verb.OPEN:
            assert not self.judge.foreign, "opened what somebody else had closed"
            assert not self.judge.blind, "opened without looking after a gap"
            standing = [mute for mute in self.episode.mutes.values() if mute.stands]
            assert not [mute for mute in standing if mute.id in self.episode.memory.mutes], (
                "opened under a mute"
            )

    @invariant()
    def what_is_said_was_observed(self):
        delivered = self.episode.delivered
        for said in self.episode.facts[self.facts :]:
            if isinstance(said, Confirmed):
                assert any(seen.muted and seen.leg == said.leg for seen in delivered)
            if isinstance(said, Overridden):
                assert any(seen.muted is False for seen in self.reads()), "an override without a read"
        self.facts, self.seen = len(self.episode.facts), len(delivered)
        ends = {mute.end for mute in self.episode.mutes.values()}
        if "call_ended" in ends:
            assert any(seen.way is Way.READ and seen.state is LegState.OVER for seen in delivered)
        assert "failed" not in ends or Verb.READ in self.episode.verbs()

    @invariant()
    def never_a_mute_war(self):
        asserted = {
            command.made_at - command.made_at % 0.001
            for command in self.episode.commands
            if command.lane is Lane.REASSERT and command.made_at > self.episode.now - WINDOW
        }
        pace = self.episode.pace
        assert len(asserted) <= pace.reasserts * (1 + len(pace.again))
        assert len(self.episode.memory.overrides) <= pace.reasserts

    @invariant()
    def nothing_stands_nothing_is_said(self):
        episode = self.episode
        if not any(mute.stands for mute in episode.mutes.values()):
            assert episode.memory.phase not in {Phase.CONFIRMED, Phase.UNCONFIRMED, Phase.CONTESTED}

    def reads(self):
        """Since the last look."""
        return [seen for seen in self.episode.delivered[self.seen :] if seen.way is Way.READ]

    def run(self, seconds):
        self.episode.run(max(seconds, 0.3) if self.fair else seconds)

    def standing(self):
        return [mute for mute in self.episode.mutes.values() if mute.stands]

    # -- people -------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.standing()) < 3)
    @rule(
        seconds=st.sampled_from([2.0, 30.0, 120.0, 600.0]),
        agent=st.booleans(),
        on_override=st.sampled_from(OnOverride),
        open_policy=st.sampled_from(
            [OpenPolicy.RESTORE, OpenPolicy.RESTORE, OpenPolicy.RESTORE, OpenPolicy.ASK]
        ),
        lease=st.sampled_from([None, None, None, 10.0]),
        then=THEN,
    )
    def places(self, *, seconds, agent, on_override, open_policy, lease, then):
        self.episode.place(
            seconds=seconds,
            agent=agent,
            on_override=on_override,
            open_policy=open_policy,
            renew_by=None if lease is None else self.episode.now + lease,
        )
        self.run(then)

    @precondition(lambda self: self.standing())
    @rule(which=st.integers(0, 2), then=THEN)
    def releases(self, which, then):
        standing = self.standing()
        self.episode.release(standing[which % len(standing)])
        self.run(then)

    @rule(then=THEN)
    def agent_presses(self, then):
        self.episode.press(muted=not self.episode.truth.muted)
        self.run(then)

    @precondition(lambda self: self.standing())
    @rule(times=st.integers(2, 6), every=st.sampled_from([0.5, 4.0]))
    def agent_insists(self, times, every):
        for _ in range(times):
            self.episode.press(muted=False)
            self.run(every)

    # -- trouble ------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.fair)
    @rule(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=4), then=THEN)
    def next_requests(self, fates, then):
        self.episode.fates.extend(fates)
        self.run(then)

    @precondition(lambda self: not self.fair and self.episode.truth.state is LegState.LIVE)
    @rule(drops=st.booleans(), then=THEN)
    def holds(self, drops, then):
        held = not self.episode.truth.held
        self.episode.hold(held=held, drops_mute=drops and held)
        self.run(then)

    @precondition(lambda self: not self.fair)
    @rule(what=st.sampled_from(["leave", "ring", "join", "carried"]), then=THEN)
    def moves(self, what, then):
        episode, state = self.episode, self.episode.truth.state
        if what == "leave" and state is not LegState.OVER:
            episode.leave()
        elif what == "ring" and state is LegState.OVER:
            episode.ring()
        elif what in {"join", "carried"}:
            episode.join(muted=what == "carried")
        self.run(then)

    @precondition(lambda self: not self.fair)
    @rule(lost=st.booleans(), after=st.sampled_from([0.05, 0.05, 0.4, 6.0]))
    def events_are(self, lost, after):
        self.episode.lose_events, self.episode.event_after = lost, after
        self.lost = self.lost or lost

    @precondition(lambda self: not self.fair and self.episode.delivered)
    @rule(back=st.integers(1, 6), then=THEN)
    def an_old_event_again(self, back, then):
        old = self.episode.delivered[-min(back, len(self.episode.delivered))]
        self.episode.deliver(msgspec.structs.replace(old, way=Way.EVENT, asked_at=None))
        self.run(then)

    @precondition(lambda self: not self.fair)
    @rule(then=THEN)
    def something_is_missed(self, then):
        self.judge.blind = True
        self.lost = True
        self.episode.gap()
        self.run(then)

    # -- and in the end -----------------------------------------------------------------------------------

    def teardown(self):
        """When the world answers again: what stands is silent, and afterwards nothing of ours stays."""
        episode = self.episode
        episode.fates, episode.lose_events, episode.event_after = [], False, 0.05
        self.run(75)
        self.assert_silent()
        for mute_id in list(episode.mutes):
            episode.release(mute_id)
        self.run(5 if self.fair else 120)
        self.assert_given_back()

    def assert_silent(self):
        episode = self.episode
        live = episode.truth.state is LegState.LIVE
        if live and self.standing() and not self.lost:
            assert episode.truth.muted or episode.memory.phase is Phase.CONTESTED
            assert episode.memory.phase in {Phase.CONFIRMED, Phase.CONTESTED}

    def assert_given_back(self):
        episode, memory, truth = self.episode, self.episode.memory, self.episode.truth
        if truth.state is not LegState.LIVE:
            return
        assert not episode.unanswered
        assert memory.phase in {Phase.IDLE, Phase.LEFT_CLOSED}
        if truth.muted and truth.closer == "us":
            assert memory.phase is Phase.LEFT_CLOSED or self.lost
            assert not self.fair or self.left_for_a_reason()

    def left_for_a_reason(self):
        """Where nothing went wrong, only a policy or a microphone closed at the start is a reason."""
        careful = any(mute.open_policy is not OpenPolicy.RESTORE for mute in self.episode.mutes.values())
        return careful or not self.episode.delivered or self.episode.delivered[0].muted


class FairMicrophone(Microphone):
    """The same without trouble: only people."""

    fair = True


TestMicrophone = Microphone.TestCase
TestMicrophone.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestFairMicrophone = FairMicrophone.TestCase
TestFairMicrophone.settings = settings(
    max_examples=100, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

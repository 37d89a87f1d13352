"""The core against a platform that loses, delays, repeats and refuses, with people who press buttons.

The judge knows only what was sent and delivered, and what is true; not what the core remembers.
"""

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tiny_platform import FATES, Episode

from micgate.control.command import Kind, Verb
from micgate.control.fact import Confirmed, LeftClosed, Overridden
from micgate.control.microphone import LegState, Phase, Way
from micgate.control.policy import OnOverride, OpenPolicy

DOUBT = 15.0


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
        self.overrides = []
        self.facts = 0

    @initialize(seen=st.booleans(), muted=st.booleans())
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
    def confirmed_means_observed(self):
        for said in self.episode.facts[self.facts :]:
            if isinstance(said, Confirmed):
                assert any(seen.muted and seen.leg == said.leg for seen in self.episode.delivered)
            if isinstance(said, Overridden) and said.answer is OnOverride.REASSERT:
                self.overrides.append(self.episode.now)
        self.facts = len(self.episode.facts)

    @invariant()
    def never_a_mute_war(self):
        memory = self.episode.memory
        assert len(memory.overrides) <= self.episode.pace.reasserts

    @invariant()
    def memory_is_quiet_when_nothing_stands(self):
        episode = self.episode
        if not any(mute.stands for mute in episode.mutes.values()):
            assert episode.memory.phase not in {Phase.CONFIRMED, Phase.UNCONFIRMED, Phase.CONTESTED}

    def run(self, seconds):
        self.episode.run(seconds)

    # -- people -------------------------------------------------------------------------------------------

    @rule(
        seconds=st.sampled_from([1.0, 5.0, 30.0, 120.0]),
        agent=st.booleans(),
        on_override=st.sampled_from(OnOverride),
        open_policy=st.sampled_from([OpenPolicy.RESTORE, OpenPolicy.RESTORE, OpenPolicy.ASK]),
        lease=st.sampled_from([None, None, 10.0]),
    )
    def places(self, seconds, agent, on_override, open_policy, lease):
        if sum(mute.stands for mute in self.episode.mutes.values()) < 3:
            self.episode.place(
                seconds=seconds,
                agent=agent,
                on_override=on_override,
                open_policy=open_policy,
                renew_by=None if lease is None else self.episode.now + lease,
            )
        if self.fair:
            self.run(0.3)

    @precondition(lambda self: any(mute.stands for mute in self.episode.mutes.values()))
    @rule(which=st.integers(0, 2))
    def releases(self, which):
        standing = [mute for mute in self.episode.mutes.values() if mute.stands]
        self.episode.release(standing[which % len(standing)])

    @rule(muted=st.booleans())
    def agent_presses(self, muted):
        self.episode.press(muted=muted)
        if self.fair:
            self.run(0.3)

    @rule(seconds=st.sampled_from([0.0, 0.03, 0.2, 1.0, 3.0, 16.0, 40.0]))
    def time_passes(self, seconds):
        self.run(seconds)

    # -- trouble ------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.fair)
    @rule(fate=st.sampled_from(FATES))
    def next_request(self, fate):
        self.episode.fates.append(fate)

    @precondition(lambda self: not self.fair)
    @rule(held=st.booleans(), drops=st.booleans())
    def holds(self, held, drops):
        if self.episode.truth.state is LegState.LIVE and self.episode.truth.held is not held:
            self.episode.hold(held=held, drops_mute=drops and held)

    @precondition(lambda self: not self.fair)
    @rule(what=st.sampled_from(["leave", "ring", "join", "carried"]))
    def moves(self, what):
        episode, state = self.episode, self.episode.truth.state
        if what == "leave" and state is not LegState.OVER:
            episode.leave()
        elif what == "ring" and state is LegState.OVER:
            episode.ring()
        elif what in {"join", "carried"}:
            episode.join(muted=what == "carried")

    @precondition(lambda self: not self.fair)
    @rule(lost=st.booleans(), after=st.sampled_from([0.05, 0.05, 0.4, 6.0]))
    def events_are(self, lost, after):
        self.episode.lose_events, self.episode.event_after = lost, after
        self.lost = self.lost or lost

    @precondition(lambda self: not self.fair and self.episode.delivered)
    @rule(back=st.integers(1, 6))
    def an_old_event_again(self, back):
        old = self.episode.delivered[-min(back, len(self.episode.delivered))]
        self.episode.deliver(msgspec.structs.replace(old, way=Way.EVENT, asked_at=None))

    @precondition(lambda self: not self.fair)
    @rule()
    def something_is_missed(self):
        self.judge.blind = True
        self.lost = True
        self.episode.gap()

    # -- and in the end -----------------------------------------------------------------------------------

    def teardown(self):
        """When the world answers again and every mute has ended, nothing of ours stays."""
        episode = self.episode
        episode.fates, episode.lose_events, episode.event_after = [], False, 0.05
        self.run(20)
        for mute_id in list(episode.mutes):
            episode.release(mute_id)
        self.run(5 if self.fair else 120)
        memory, truth = episode.memory, episode.truth
        if truth.state is not LegState.LIVE:
            return
        assert not episode.unanswered
        assert memory.phase in {Phase.IDLE, Phase.LEFT_CLOSED} or (
            self.fair and memory.phase is Phase.SETTLING
        )
        if truth.muted and truth.closer == "us":
            assert memory.phase is Phase.LEFT_CLOSED or self.lost
        if self.fair:
            self.assert_restored()

    def assert_restored(self):
        """Nothing went wrong, so nothing of ours is left closed but by policy."""
        episode = self.episode
        if episode.truth.muted and episode.truth.closer == "us":
            assert {said.why for said in episode.said(LeftClosed)} & {
                "policy",
                "unproven",
                "closed_by_others",
            }
            restoring = all(mute.open_policy is OpenPolicy.RESTORE for mute in episode.mutes.values())
            assert not restoring or episode.delivered[0].muted


class FairMicrophone(Microphone):
    """The same without trouble: only people."""

    fair = True


TestMicrophone = Microphone.TestCase
TestMicrophone.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestFairMicrophone = FairMicrophone.TestCase
TestFairMicrophone.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)

"""Mistakes planted into the code under test: the simulation has to notice each of them."""

from dataclasses import replace

import pytest

from micgate.control import decide, observe, restore, table
from micgate.control.microphone import Phase, State
from micgate.control.mute import End, Mute
from micgate.control.policy import Baseline, ClosedBy, OpenPolicy, may_open
from micgate.control.table import Act, Desired, Move, Seen
from micgate.keeper import send
from micgate.keeper.catch_up import CatchUp
from micgate.keeper.mirror import Mirror
from micgate.keeper.send import Sender, closing
from micgate.store.memory.leases import MemoryLeases
from simulation.broken import Broken
from simulation.shrink import failure_of
from simulation.stage import Stage
from simulation.story import draw
from simulation.weather import Trouble


def first_failure(*, most: int, minutes: float = 15):
    return next(filter(None, (failure_of(draw(seed, minutes=minutes)) for seed in range(1, most))), None)


def mutes_never_end(patch):
    patch.setattr(decide, "_expire", lambda turn: turn)


def what_others_closed_is_opened(patch):
    ours = {"baseline": Baseline.OPEN, "closed_by": ClosedBy.US}
    patch.setattr(restore, "may_open", lambda **about: may_open(**about | ours))


def every_change_is_ours(patch):
    ours = observe._Trace(sure=True, before=False)
    patch.setattr(observe, "_explains", lambda *_, **__: ours)


def gaps_go_unnoticed(patch):
    patch.setattr(CatchUp, "missed", lambda *_: None)


def news_hold_nothing_back(patch):
    patch.setattr(Mirror, "overtaken", lambda *_: False)


def every_request_is_sent_twice(patch):
    async def twice(self, order, asked_at):
        await send(self, order, asked_at)
        await send(self, order, asked_at)

    send = Sender._send_change
    patch.setattr(Sender, "_send_change", twice)


def nobody_is_alerted(patch):
    patch.setattr(decide, "_watch", lambda turn: turn)


def an_outcome_is_not_recorded(patch):
    patch.setattr(send, "closing", lambda *args, **about: replace(closing(*args, **about), entries=()))


def a_hold_does_not_matter(patch):
    patch.setattr(restore, "may_open", lambda **about: may_open(**about | {"held": False}))


def the_open_policy_is_forgotten(patch):
    patch.setattr(restore, "may_open", lambda **about: may_open(**about | {"policy": OpenPolicy.RESTORE}))


def owners_never_go(patch):
    patch.setattr(Mute, "due", lambda mute, **_: (mute.release_at, End.EXPIRED))


def owners_have_no_grace(patch):
    due = Mute.due
    patch.setattr(Mute, "due", lambda mute, **_: due(mute, owner_grace=0.0))


def one_event_is_an_override(patch):
    situation = (Phase.CONFIRMED, Seen.OPEN_SAID, Desired.SILENT, False)
    patch.setitem(table.MOVES, situation, Move(Phase.CONFIRMED, Act.OVERRIDE))


def nobody_is_fenced_off(patch):
    patch.setattr(MemoryLeases, "fence", lambda *_: None)


@pytest.mark.parametrize(
    ("mistake", "number"),
    [
        (mutes_never_end, 2),
        (what_others_closed_is_opened, 3),
        (every_change_is_ours, 3),
        (gaps_go_unnoticed, 3),
        (news_hold_nothing_back, 3),
        (every_request_is_sent_twice, 5),
        (an_outcome_is_not_recorded, 6),
        (a_hold_does_not_matter, 2),
        (the_open_policy_is_forgotten, 2),
        (owners_never_go, 2),
        (owners_have_no_grace, 2),
        (one_event_is_an_override, 0),
        (nobody_is_fenced_off, 6),
    ],
)
def test_the_simulation_notices(mistake, number, monkeypatch):
    mistake(monkeypatch)
    failure = first_failure(most=40)
    assert failure is not None
    assert failure.kind == f"invariant {number}", failure.says


def late_release(stage):
    """The platform cannot be reached when a mute ends, and for half a minute after that."""
    call = stage.call()
    stage.place(call, seconds=10)
    stage.trouble(40)
    stage.simulation.weather.begin(Trouble.UNREACHABLE, seconds=37)
    stage.run(30)
    return call


def test_a_late_release_is_listed_and_alerted_and_made_up_for():
    with Stage() as stage:
        call = late_release(stage)
        assert stage.muted(call) is True
        assert stage.says(call) is State.RELEASING
        assert stage.said().count("microphone.release_late") == 1
        stage.run(15)
        assert stage.muted(call) is False


def test_a_late_release_that_nobody_is_told_of_is_noticed(monkeypatch):
    nobody_is_alerted(monkeypatch)
    with Stage() as stage, pytest.raises(Broken, match="says so") as broken:
        late_release(stage)
    assert broken.value.number == 2

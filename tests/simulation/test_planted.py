"""Mistakes planted into the code under test: the simulation has to notice each of them."""

import pytest

from micgate.control import decide, observe, restore
from micgate.control.policy import RESTORED
from micgate.keeper.catch_up import CatchUp
from micgate.keeper.mirror import Mirror
from micgate.keeper.send import Sender
from simulation.shrink import failure_of
from simulation.story import draw


def first_failure(*, most: int, minutes: float = 15):
    return next(filter(None, (failure_of(draw(seed, minutes=minutes)) for seed in range(1, most))), None)


def mutes_never_end(patch):
    patch.setattr(decide, "_expire", lambda turn: turn)


def everything_is_opened(patch):
    patch.setattr(restore, "may_open", lambda **_: RESTORED)


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


@pytest.mark.parametrize(
    ("mistake", "number"),
    [
        (mutes_never_end, 2),
        (everything_is_opened, 3),
        (every_change_is_ours, 3),
        (gaps_go_unnoticed, 3),
        (news_hold_nothing_back, 3),
        (every_request_is_sent_twice, 5),
    ],
)
def test_the_simulation_notices(mistake, number, monkeypatch):
    mistake(monkeypatch)
    failure = first_failure(most=40)
    assert failure is not None
    assert failure.kind == f"invariant {number}", failure.says

"""Intents → wire → outcomes. What comes here is written and committed; it is sent once, or not at all."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.microphone import Observed
from micgate.keeper.budget import Budget
from micgate.keeper.clock import ServiceClock
from micgate.keeper.lease import Tenure
from micgate.keeper.mirror import Mirror
from micgate.keeper.record import Recorder
from micgate.platform.port import Answer, Errand, Platform
from micgate.store.target import Target
from micgate.store.verbs import Closing

MOST_AT_ONCE = 100
KEPT_FOR_ENDS = 20
"""So many of them: a platform that stops answering some requests must not hold up all releases."""

_NOT_KEEPER = Answer(kind=Kind.NOT_SENT, word="not_keeper", again_in=0.5)
"""A beat was late: the next one is soon, and a release must not wait as if it had been tried."""
_OVERTAKEN = Answer(kind=Kind.NOT_SENT, word="overtaken", again_in=0.0)
_CUT_OFF = Answer(kind=Kind.UNKNOWN, word="cut_off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command to send, and what was seen of its target when it was decided on. `until`: after that it is of
    no use any more.
    """

    target: Target
    command: Command
    seen: Observed | None
    until: float = float("inf")


@dataclass(slots=True)
class _Leaving:
    """An order on its way to the wire. `left`: it was allowed onto it; `overtaken`: news, or the end of what
    it is for, held it back.
    """

    order: Order
    left: bool = False
    overtaken: bool = False


_LEAVING: ContextVar[_Leaving | None] = ContextVar("leaving", default=None)


class Sender:
    """The budget's room for an order was taken by whoever gives it; the mirror holds its target."""

    def __init__(
        self,
        *,
        platform: Platform,
        mirror: Mirror,
        budget: Budget,
        tenure: Tenure,
        clock: ServiceClock,
        recorder: Recorder,
    ) -> None:
        self._platform = platform
        self._mirror = mirror
        self._budget = budget
        self._tenure = tenure
        self._clock = clock
        self._recorder = recorder
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        self.sent = 0

    def start(self, order: Order) -> None:
        task = asyncio.create_task(self.carry_out(order), name=f"command {order.command.verb}")
        self._tasks[order.command.id] = task
        task.add_done_callback(lambda done: self._ended(order.command.id, done))

    def free(self, lane: Lane) -> int:
        """How many more may be on their way at once."""
        left = MOST_AT_ONCE - len(self._tasks)
        return left if lane is Lane.RELEASE else left - KEPT_FOR_ENDS

    @property
    def on_their_way(self) -> tuple[str, ...]:
        """The ids of the commands that are neither answered nor given up here."""
        return tuple(self._tasks)

    async def watch(self) -> None:
        """Raises what no order should raise."""
        await self._failed.wait()
        if self._failure is not None:
            raise self._failure

    async def finish(self, *, seconds: float) -> None:
        """Wait for what is on its way; what takes longer has an unknown outcome."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def may_leave(self) -> bool:
        """The wire's question at the last moment, when there is a token and a connection: it may have taken
        long to get so far. From a yes on, what arrives may be the effect of the command.
        """
        leaving = _LEAVING.get()
        if not self._tenure.may_send(self._clock.boot.boot()):
            return False
        if leaving is None:
            return True
        order = leaving.order
        now = self._clock.now()
        leaving.overtaken = now >= order.until or self._mirror.overtaken(order.target, order.seen)
        leaving.left = not leaving.overtaken and now < order.command.deadline
        if leaving.left:
            self._mirror.let_go(order.target)
        return leaving.left

    async def carry_out(self, order: Order) -> None:
        """From the order to its one closing word, whatever happens in between."""
        asked_at = self._clock.now()
        reads = order.command.verb is Verb.READ
        if not self._tenure.may_send(self._clock.boot.boot()):
            self._leave(order, _NOT_KEEPER)
        elif not reads and self._mirror.overtaken(order.target, order.seen):
            self._leave(order, _OVERTAKEN)
        elif reads:
            self._mirror.let_go(order.target)
            await self._send(order, asked_at)
        else:
            await self._send_change(order, asked_at)

    async def _send_change(self, order: Order, asked_at: float) -> None:
        leaving = _Leaving(order)
        _LEAVING.set(leaving)
        answer = _CUT_OFF
        try:
            answer = await self._platform.carry_out(_errand(order))
        finally:
            if answer.kind is Kind.NOT_SENT and not leaving.left:
                self._leave(order, _OVERTAKEN if leaving.overtaken else answer)
            else:
                self._mirror.let_go(order.target)
                self._arrived(order, answer, asked_at)

    async def _send(self, order: Order, asked_at: float) -> None:
        answer = _CUT_OFF
        try:
            answer = await self._platform.carry_out(_errand(order))
        finally:
            self._arrived(order, answer, asked_at)

    def _arrived(self, order: Order, answer: Answer, asked_at: float) -> None:
        if answer.kind is Kind.NOT_SENT:
            self._budget.give_back()
        else:
            self.sent += 1
            now = self._clock.now()
            self._budget.answered(answer.allowance, now=now, closed_for=answer.closed_for)
        if answer.call is not None:
            self._mirror.read(answer.call, asked_at=asked_at, about=order.target, leg=order.command.leg)
        self._mirror.close(self._closing(order, answer, asked_at))

    def _leave(self, order: Order, answer: Answer) -> None:
        self._budget.give_back()
        self._mirror.close_first(self._closing(order, answer, None))
        self._mirror.let_go(order.target)

    def _closing(self, order: Order, answer: Answer, sent_at: float | None) -> Closing:
        outcome = outcome_of(order.command, answer, at=self._clock.now())
        return closing(
            order.target,
            outcome,
            sent_at=sent_at,
            seconds=answer.seconds,
            epoch=self._tenure.term.epoch,
            recorder=self._recorder,
        )

    def _ended(self, command_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[command_id]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._failed.set()


def outcome_of(command: Command, answer: Answer, *, at: float) -> Outcome:
    return Outcome(
        command_id=command.id,
        kind=answer.kind,
        at=at,
        again_at=None if answer.again_in is None else at + answer.again_in,
        status=answer.status,
        word=answer.word,
        says=answer.says,
        correlation_id=answer.correlation_id,
    )


def closing(
    target: Target,
    outcome: Outcome,
    *,
    recorder: Recorder,
    epoch: int,
    sent_at: float | None = None,
    seconds: float | None = None,
) -> Closing:
    """An outcome with what the record says about it, whether it comes in time or late."""
    return Closing(
        target=target,
        outcome=outcome,
        sent_at=sent_at,
        entries=(recorder.concluded(target, outcome, seconds=seconds),),
        late=(recorder.late(target, outcome, epoch=epoch),),
    )


def _errand(order: Order) -> Errand:
    return Errand(
        command=order.command,
        conversation_id=order.target.conversation_id,
        user_id=order.target.user_id,
    )

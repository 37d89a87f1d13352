"""What one mute knows, writes down and tells."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from micgate.control.policy import Opening
from micgate.direct.journal import Phase
from micgate.direct.memory import Doubt, Memory, Plan
from micgate.direct.progress import Ended, EndWord, Progress, Word
from micgate.genesys.errors import GenesysError
from micgate.genesys.flows import Command, Outcome, Result
from micgate.genesys.io import Io
from micgate.genesys.reading import Call


class Record(Protocol):
    """Where the mute is written down."""

    def intended(self, command: Command) -> None: ...

    def concluded(self, command: Command, outcome: Outcome) -> None: ...

    def noted(
        self,
        phase: Phase,
        *,
        muted: bool,
        conversation_id: str,
        participant_id: str,
        latency_ms: float | None = None,
    ) -> None: ...


class Account:
    """`memory` is all the mute knows, and is told to whoever keeps watch before anything is made of it."""

    def __init__(
        self,
        plan: Plan,
        memory: Memory,
        *,
        record: Record,
        remember: Callable[[Memory], None],
        tell: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.memory = memory
        self.ended: Ended | None = None
        self._record = record
        self._remember = remember
        self._tell = tell

    def left(self, io: Io) -> float:
        return self.plan.release_at - io.monotonic()

    def know(self, **changes: object) -> None:
        memory = msgspec.structs.replace(self.memory, **changes)
        self._remember(memory)
        self.memory = memory

    def commanding(self, command: Command, *, at: float) -> None:
        """A command is about to leave. If this raises, it must not."""
        if not command.muted:
            self.know(opening=True)
            self._record.intended(command)
            return
        self.know(doubts=(*self.memory.doubts, Doubt(command.id, at + self.plan.doubt_seconds)))
        try:
            self._record.intended(command)
        except BaseException:
            self._trust(command)
            raise

    def commanded(self, io: Io, command: Command, outcome: Outcome) -> None:
        self._record.concluded(command, outcome)
        if command.muted and outcome.kind in {"refused", "not_sent"}:
            self._trust(command)
        elif command.muted and outcome.kind == "accepted":
            self.say(io, "placed")

    def note(self, phase: Phase, *, muted: bool, latency_ms: float | None = None) -> None:
        call = self.memory.call
        self._record.noted(
            phase,
            muted=muted,
            conversation_id=call.conversation_id,
            participant_id=call.participant_id,
            latency_ms=latency_ms,
        )

    def say(
        self,
        io: Io,
        word: Word,
        *,
        result: Result | None = None,
        opening: Opening | None = None,
        error: GenesysError | None = None,
    ) -> None:
        self._tell(
            Progress(
                word=word,
                at=io.now(),
                seconds_left=max(0.0, self.left(io)),
                call=self.memory.call,
                result=result,
                opening=opening,
                error=error,
            )
        )

    def end(
        self,
        io: Io,
        word: EndWord,
        *,
        call: Call | None = None,
        result: Result | None = None,
        opening: Opening | None = None,
        error: GenesysError | None = None,
    ) -> Ended:
        settled = word in {"call_ended", "left_closed", "kept"}
        self.know(call=call or self.memory.call, settled=settled or self.memory.settled)
        self.ended = Ended(word=word, call=self.memory.call, result=result, opening=opening, error=error)
        if word != "nothing":
            latency = result.confirmed_ms if result else None
            self.note(word, muted=word in {"kept", "overridden", "call_ended"}, latency_ms=latency)
        self.say(io, word, result=result, opening=opening, error=error)
        return self.ended

    def _trust(self, command: Command) -> None:
        """This command did not take effect and never will."""
        doubts = (doubt for doubt in self.memory.doubts if doubt.command_id != command.id)
        self.know(doubts=tuple(doubts))


class Doubting:
    """Witnesses the commands of one mute."""

    def __init__(self, account: Account, io: Io) -> None:
        self._account = account
        self._io = io

    def intended(self, command: Command) -> None:
        self._account.commanding(command, at=self._io.monotonic())

    def concluded(self, command: Command, outcome: Outcome) -> None:
        self._account.commanded(self._io, command, outcome)

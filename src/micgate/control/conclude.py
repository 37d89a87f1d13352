"""An outcome arrives: the command is over, its effect perhaps not."""

import msgspec

from micgate.control.command import Command, Doubt, Kind, Outcome, Refusal, Verb
from micgate.control.microphone import Memory
from micgate.control.pace import PACE, Pace

_replace = msgspec.structs.replace
_NOTHING_DONE = frozenset({Kind.REFUSED, Kind.NOT_SENT})


def conclude(memory: Memory, outcome: Outcome, now: float, *, pace: Pace = PACE) -> Memory:
    """The pending command's outcome. Of an outcome that comes too late only "nothing was done" is of use."""
    pending = memory.pending
    if pending is None or pending.id != outcome.command_id:
        return _late(memory, outcome)
    memory = _replace(memory, pending=None, not_before=outcome.again_at or 0.0)
    if outcome.kind is Kind.NOT_SENT and outcome.again_at is not None:
        return _never_tried(memory, pending)
    if pending.verb is Verb.READ:
        return memory
    memory = _replace(memory, outcome=outcome.kind)
    if outcome.kind in _NOTHING_DONE:
        return _turned_away(memory, pending, outcome)
    return _doubted(memory, pending, until=now + pace.doubt, sure=outcome.kind is Kind.ACCEPTED)


def _doubted(memory: Memory, command: Command, *, until: float, sure: bool) -> Memory:
    """Until time has passed, whatever is seen."""
    doubt = Doubt(
        command_id=command.id,
        sets=command.verb is Verb.MUTE,
        until=until,
        sure=sure,
        landed=sure and command.landed,
        before=command.before,
    )
    return _replace(memory, doubts=(*memory.doubts, doubt))


def _turned_away(memory: Memory, command: Command, outcome: Outcome) -> Memory:
    """Nothing was done, so the mutes it was made for are not served."""
    about_this_leg = command.leg == memory.live_leg
    refusal = (
        Refusal(
            at=outcome.at,
            mutes=command.mutes,
            status=outcome.status,
            word=outcome.word,
            says=outcome.says,
        )
        if outcome.final and about_this_leg
        else None
    )
    return _replace(_unsent(memory, command), refusal=refusal)


def _never_tried(memory: Memory, command: Command) -> Memory:
    """Something was told just before it would have left: decide anew, as if nothing had been tried."""
    if command.verb is Verb.READ:
        return _replace(memory, looks=max(0, memory.looks - 1))
    return _replace(_unsent(memory, command), tries=max(0, memory.tries - 1))


def _late(memory: Memory, outcome: Outcome) -> Memory:
    if outcome.kind not in _NOTHING_DONE:
        return memory
    doubts = tuple(doubt for doubt in memory.doubts if doubt.command_id != outcome.command_id)
    memory = _replace(memory, doubts=doubts)
    if memory.sent and memory.sent.id == outcome.command_id:
        return _unsent(memory, memory.sent)
    return memory


def _unsent(memory: Memory, command: Command) -> Memory:
    return _replace(
        memory,
        sent=None,
        fresh=True,
        met=tuple(mute for mute in memory.met if mute not in command.mutes),
    )

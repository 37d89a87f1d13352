"""What the record says about times, as spans: intent, wire, silence, give-back. Ids and words only."""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

import msgspec

from micgate.audit.canonical import Plain
from micgate.store.entries import Entry

_MOST = 10_000
"""Commands and mutes that are remembered; the oldest are forgotten first."""
_SHOWN = ("verb", "lane", "kind", "status", "end", "slow")
"""Of a record's facts. Each is a word of ours or a number: nothing that anybody wrote."""
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`mute` is whose trace it belongs to. Times are service time."""

    name: str
    mute: str
    began: float
    ended: float
    attributes: dict[str, str | int | bool]
    failed: bool = False


class Spans:
    """Fed with the record in its order."""

    def __init__(self) -> None:
        self._commands: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def of(self, entry: Entry) -> Span | None:
        """None for what takes no time, and for what belongs to no mute."""
        facts = _facts(entry.public)
        if entry.action == "command.intended":
            return self._intended(entry, facts)
        if entry.action == "command.concluded":
            return self._concluded(entry, facts)
        if entry.action == "microphone.confirmed" and (mute := _mute(entry, facts)):
            return _span("silence", mute, entry.at - _seconds(facts, "ms"), entry.at, facts)
        if entry.action == "mute.ended" and entry.mute_id:
            return _span("mute", entry.mute_id, placed_at(entry.mute_id), entry.at, facts)
        return None

    def _intended(self, entry: Entry, facts: "Facts") -> Span | None:
        mute = _mute(entry, facts)
        if mute is None or entry.command_id is None:
            return None
        self._commands[entry.command_id] = (mute, entry.at)
        if len(self._commands) > _MOST:
            self._commands.popitem(last=False)
        began = placed_at(mute) if facts.get("verb") == "mute" else entry.at
        return _span("intent", mute, began, entry.at, facts)

    def _concluded(self, entry: Entry, facts: "Facts") -> Span | None:
        mute, intended = self._commands.pop(entry.command_id or "", (None, 0.0))
        if mute is None:
            return None
        took = _seconds(facts, "ms")
        began = entry.at - took if took else intended
        return _span("wire", mute, began, entry.at, facts, failed=facts.get("kind") != "accepted")


Facts = dict[str, Plain]
_facts = msgspec.json.Decoder(Facts).decode


def placed_at(mute: str) -> float:
    """The ids of mutes (UUID 7) begin with the time."""
    return (UUID(mute).int >> 80) / _MS


def _span(name: str, mute: str, began: float, ended: float, facts: Facts, *, failed: bool = False) -> Span:
    shown: dict[str, str | int | bool] = {}
    for fact in _SHOWN:
        if isinstance(value := facts.get(fact), str | int):
            shown[f"micgate.{fact}"] = value
    return Span(name=name, mute=mute, began=min(began, ended), ended=ended, attributes=shown, failed=failed)


def _mute(entry: Entry, facts: Facts) -> str | None:
    """The newest of several: whoever placed that one waits."""
    several = facts.get("mutes")
    return max(several) if isinstance(several, list) and several else entry.mute_id


def _seconds(facts: Facts, name: str) -> float:
    value = facts.get(name)
    return value / _MS if isinstance(value, int) else 0.0

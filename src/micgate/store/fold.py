"""What the verbs work out between reading rows and writing them: the same for every store. Pure."""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

from micgate.control.command import Kind, Outcome, Verb
from micgate.control.microphone import Memory
from micgate.control.mute import Mute
from micgate.store.entries import NewEntry
from micgate.store.microphones import BLANK, Remembered
from micgate.store.mutes import Ending, meets
from micgate.store.target import Target
from micgate.store.verbs import (
    Closing,
    Concluded,
    Decided,
    Due,
    Lapse,
    Noted,
    Place,
    Rules,
    Sighting,
    at_stake,
    outdated,
)

CALM = 0.25
"""Seconds after an accepted change in which its effect is usually seen: there is one decision for both."""
KEEPER = "micgate"
"""Who ends the mutes that end by a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedOut:
    """Decisions, by what can be done with them. `done` is in the order given."""

    done: tuple[Decided, ...]
    stale: tuple[Target, ...]
    blocked: tuple[Target, ...]
    lapsed: tuple[Lapse, ...]

    @property
    def endings(self) -> tuple[Ending, ...]:
        decided = (
            Ending(mute_id=ended.mute_id, at=ended.at, end=ended.end, by=KEEPER)
            for one in self.done
            for ended in one.decision.ended
        )
        lapsed = (Ending(mute_id=one.mute.id, at=one.at, end=one.end, by=KEEPER) for one in self.lapsed)
        return (*decided, *lapsed)

    def wakes(self, now: float) -> dict[Target, float | None]:
        """When each is due again: now, if another of these has just ended a mute it was decided under."""
        ended = {ending.mute_id for ending in self.endings}
        return {
            one.target: one.decision.wake_at if ended.isdisjoint(one.decision.memory.mutes) else now
            for one in self.done
        }

    def due_at(self, now: float, woken: Collection[Target]) -> float | None:
        """When the first of these is due again, or of the others that are `woken`."""
        wakes = (at for at in self.wakes(now).values() if at is not None)
        return now if woken else min(wakes, default=None)

    @property
    def told(self) -> tuple[NewEntry, ...]:
        return (
            *(entry for one in self.done for entry in one.entries),
            *(entry for one in self.lapsed for entry in one.entries),
        )


def sort_out(
    decided: Sequence[Decided],
    lapses: Sequence[Lapse],
    *,
    versions: Mapping[Target, int],
    standing: Mapping[str, Mute],
    open_commands: Mapping[Target, str],
) -> SortedOut:
    """A decision counts if nothing it was made from has changed, not even by another one of these."""
    left = dict(standing)
    done: list[Decided] = []
    stale: list[Target] = []
    blocked: list[Target] = []
    for one in decided:
        if versions.get(one.target) != one.version or not left.keys() >= _ends(one):
            stale.append(one.target)
        elif _is_blocked(one, open_commands):
            blocked.append(one.target)
        else:
            done.append(one)
            left = {key: mute for key, mute in left.items() if key not in _ends(one)}
    lapsed = tuple(one for one in lapses if not outdated(one, left.get(one.mute.id)))
    return SortedOut(done=tuple(done), stale=tuple(stale), blocked=tuple(blocked), lapsed=lapsed)


def ending_ids(decided: Iterable[Decided], lapses: Iterable[Lapse]) -> set[str]:
    return {mute_id for one in decided for mute_id in _ends(one)} | {one.mute.id for one in lapses}


def take_in(
    rules: Rules,
    memories: MutableMapping[Target, Memory],
    sighting: Sighting,
    *,
    standing: Iterable[Mute],
    now: float,
) -> Noted:
    """Fold one sighting into the memory of its target."""
    target, core = sighting.target, rules.core(sighting.target)
    memory = memories.get(target, BLANK)
    memory, facts = (
        (core.lose_sight(memory), ())
        if sighting.observed is None
        else core.observe(memory, sighting.observed, now)
    )
    memories[target] = memory
    woken = at_stake(memory) or any(meets(mute, target) for mute in standing)
    return Noted(target=target, memory=memory, facts=facts, woken=woken)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """`changed` are the memories to write, `wakes` when each is due; targets that are forgotten have none."""

    concluded: tuple[Concluded, ...]
    changed: Mapping[Target, Memory]
    wakes: Mapping[Target, float]
    told: tuple[NewEntry, ...]


def take_back(
    rules: Rules,
    memories: Mapping[Target, Memory],
    closings: Iterable[Closing],
    *,
    in_time: Collection[str],
    repeated: Collection[str],
    now: float,
) -> TakenBack:
    """Fold outcomes into the memories of their targets. Those said again change nothing."""
    changed: dict[Target, Memory] = {}
    wakes: dict[Target, float] = {}
    concluded: list[Concluded] = []
    told: list[NewEntry] = []
    for closing in closings:
        target, command_id = closing.target, closing.outcome.command_id
        memory = changed.get(target, memories.get(target, BLANK))
        if command_id not in repeated:
            memory = rules.core(target).conclude(memory, closing.outcome, now)
            told.extend(closing.entries if command_id in in_time else closing.late)
            if target in memories:
                changed[target] = memory
                calm = CALM if _is_calm(memory, closing.outcome) else 0.0
                wakes[target] = min(now + calm, wakes.get(target, now + calm))
        late = command_id not in {*in_time, *repeated}
        due_at = wakes.get(target)
        concluded.append(
            Concluded(target=target, command_id=command_id, memory=memory, late=late, due_at=due_at)
        )
    return TakenBack(concluded=tuple(concluded), changed=changed, wakes=wakes, told=tuple(told))


def due(row: Remembered, mutes: Iterable[Mute]) -> Due:
    """With the mutes that stand on it, and those it remembers that have ended since."""
    found = (mute for mute in mutes if _concerns(mute, row))
    return Due(target=row.target, version=row.version, memory=row.memory, mutes=tuple(found))


def dues(rows: Iterable[Remembered], mutes: Iterable[Mute]) -> tuple[Due, ...]:
    """As `due`, of many. Not every row is compared with every mute: a thousand may be due at once."""
    of_user: dict[str, list[Mute]] = {}
    of_call: dict[str, list[Mute]] = {}
    for mute in mutes:
        of_user.setdefault(mute.user_id, []).append(mute)
        if mute.conversation_id is not None:
            of_call.setdefault(mute.conversation_id, []).append(mute)
    return tuple(
        due(row, of_user.get(row.target.user_id, ()) if row.target.user_id
            else of_call.get(row.target.conversation_id, ()))
        for row in rows
    )  # fmt: skip


def with_due(
    noted: Sequence[Noted], before: Mapping[Target, Remembered], standing: Sequence[Mute]
) -> tuple[Noted, ...]:
    """With what is due now. `before`: rows as they were locked, before the mutes were read: changes of mutes
    wait for that lock. Each is written once after that.
    """
    woken = {one.target: one.memory for one in noted if one.woken and one.target in before}
    rows = [
        Remembered(target=target, version=before[target].version + 1, memory=memory)
        for target, memory in woken.items()
    ]
    found = {one.target: one for one in dues(rows, standing) if _is_whole(one)}
    return tuple(replace(one, due=found.get(one.target)) for one in noted)


def placed_due(change: Place, placed: Sequence[Mute], row: Remembered | None) -> tuple[Due, ...]:
    """Of a single mute of a single call, the first of its agent: the case there is every day. `row`: what it
    woke; None where another mute of the agent stands, or somebody may have come between.
    """
    if row is None or len(change.mutes) != 1 or any(mute.conversation_id is None for mute in placed):
        return ()
    found = due(row, placed)
    return (found,) if _is_whole(found) and not any(mute.pause_recording for mute in placed) else ()


def _is_whole(found: Due) -> bool:
    """Made of mutes that stand, it lacks none: those that ended and are remembered are concerned too."""
    return {mute.id for mute in found.mutes}.issuperset(found.memory.mutes)


def _concerns(mute: Mute, row: Remembered) -> bool:
    return meets(mute, row.target) if mute.stands else mute.id in row.memory.mutes


def under(org: str, mutes: Iterable[Mute], microphones: Collection[Target]) -> set[Target]:
    """What these mutes stand on. `microphones` are those that exist of their agents."""
    targets: set[Target] = set()
    for mute in mutes:
        if mute.conversation_id is None:
            targets |= {target for target in microphones if meets(mute, target)}
        else:
            targets.add(Target(org, mute.conversation_id, mute.user_id))
            if mute.pause_recording:
                targets.add(Target(org, mute.conversation_id))
    return targets


def everywhere(mutes: Iterable[Mute]) -> tuple[str, ...]:
    """The agents whose every call one of these covers."""
    return tuple(sorted({mute.user_id for mute in mutes if mute.conversation_id is None}))


def _is_calm(memory: Memory, outcome: Outcome) -> bool:
    """Our change was accepted and is still wanted, and nothing has been seen since: news come before there is
    more to decide.
    """
    sent = memory.sent
    if sent is None or sent.id != outcome.command_id or outcome.kind is not Kind.ACCEPTED:
        return False
    still_wanted = (sent.verb is Verb.MUTE) == (memory.due is None)
    return still_wanted and not memory.fresh


def _ends(one: Decided) -> set[str]:
    return {ended.mute_id for ended in one.decision.ended}


def _is_blocked(one: Decided, open_commands: Mapping[Target, str]) -> bool:
    """A new command waits for the end of the last, which this decision may bring."""
    open_id, gave_up = open_commands.get(one.target), one.decision.gave_up
    given_up = gave_up is not None and gave_up.command_id == open_id
    return one.decision.command is not None and open_id is not None and not given_up

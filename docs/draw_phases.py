"""Draw the phases of a microphone into docs/control.md, from the table that decides.

python docs/draw_phases.py          writes the page
python docs/draw_phases.py --check  exits 1 when the page is not fresh
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from micgate.control.microphone import Phase
from micgate.control.table import AFTER, MOVES, Desired, Seen, Verdict

Causes: TypeAlias = dict[tuple[Phase, str], set[Phase]]

PAGE = Path(__file__).with_name("control.md")
BEGIN, END = "<!-- phases: drawn by docs/draw_phases.py -->", "<!-- phases: end -->"

_EPISODE = tuple(phase for phase in Phase if phase is not Phase.IDLE)
_UNDER_MUTES = (Phase.APPLYING, Phase.CONFIRMED, Phase.UNCONFIRMED, Phase.CONTESTED)
_WISHES = {
    Desired.ANEW: "a new mute",
    Desired.BACK: "the last mute has ended",
    Desired.NOTHING: "nothing was sent",
}
_SIGHTS = {Seen.WAITING: "ringing", Seen.MUTED: "muted"}
_VERDICTS = {
    Verdict.REASSERT: "opened by others, assert again",
    Verdict.GIVE_WAY: "opened by others, give way",
    Verdict.USED_UP: "not seen after the last attempt",
    Verdict.OPENS: "muted, safe to open",
    Verdict.KEEPS: "was muted before",
    Verdict.LEAVES: "not safe to open",
    Verdict.DOUBTS: "open, a command still in doubt",
    Verdict.DONE: "open, nothing in doubt",
}


def diagram() -> str:
    """A Mermaid state diagram. What leads somewhere from every phase of an episode is drawn once."""
    causes: dict[tuple[Phase, str], set[Phase]] = defaultdict(set)
    for here, to, cause in _ways():
        causes[to, cause].add(here)
    shared = {(to, cause) for (to, cause), heres in causes.items() if set(_EPISODE) - {to} <= heres}
    lines = ["stateDiagram-v2", "    [*] --> idle", "    state episode {", "        direction LR"]
    lines.extend(f"        {line}" for line in _edges(causes, shared, inside=True))
    lines.append("    }")
    lines.extend(f"    {line}" for line in _edges(causes, shared, inside=False))
    lines.extend(f"    episode --> {to}: {cause}" for to, cause in sorted(shared))
    return "\n".join(lines)


def _ways() -> Iterator[tuple[Phase, Phase, str]]:
    """From where, where to, and why. What an act finds out is drawn from the phase in which it looks."""
    for (phase, seen, desired, pending), move in MOVES.items():
        if pending:
            continue
        if move.to is not phase:
            yield phase, move.to, _cause(phase, desired, seen)
        for (act, verdict), to in AFTER.items():
            if act is move.act and to is not move.to:
                yield move.to, to, _VERDICTS[verdict]


def _cause(phase: Phase, desired: Desired, seen: Seen) -> str:
    if seen is Seen.GONE and desired is not Desired.NOTHING:
        return "the agent has left"
    if desired is Desired.SILENT:
        return f"seen {_SIGHTS[seen]}" if phase in _UNDER_MUTES else _WISHES[Desired.ANEW]
    if desired is Desired.BACK and phase is Phase.SETTLING:
        return "a late mute of ours"
    return _WISHES[desired]


def _edges(causes: Causes, shared: set[tuple[Phase, str]], *, inside: bool) -> Iterator[str]:
    labels: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (to, cause), heres in causes.items():
        for here in heres:
            if (Phase.IDLE in {here, to}) is not inside and ((to, cause) not in shared or here is Phase.IDLE):
                labels[here, to].append(cause)
    order = list(Phase)
    for here, to in sorted(labels, key=lambda edge: (order.index(edge[0]), order.index(edge[1]))):
        yield f"{here} --> {to}: {' / '.join(sorted(labels[here, to]))}"


def page(text: str) -> str:
    """The page with a fresh diagram between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}\n```\n{END}{after}"


def main() -> int:
    text = PAGE.read_text("utf-8")
    fresh = page(text)
    if "--check" in sys.argv[1:]:
        return int(fresh != text)
    PAGE.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

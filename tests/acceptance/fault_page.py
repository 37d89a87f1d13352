"""The tables of `docs/faults.md`, from those that the tests run."""

from collections.abc import Iterable

from fault_table import STATUSES, STEPS, WATCHED, Outcome, Step
from input_table import INPUTS, Input

_ALL = "any status"


def steps() -> str:
    return "".join(_step(step) for step in STEPS)


def watch() -> str:
    rows = ((f"`{row.fault}`", "told" if row.gap else "none", row.shows) for row in WATCHED)
    return _table(("fault", "gap", "what shows"), rows)


def inputs() -> str:
    return _table(("given", "exit", "word", "what is said", "what to do"), (_input(row) for row in INPUTS))


def _step(step: Step) -> str:
    head = ("the platform answers", "exit", "word", "what is said", "what to do", "microphone")
    return f"### {step.title}\n\n{_table(head, (_outcome(each) for each in step.outcomes))}\n"


def _outcome(outcome: Outcome) -> tuple[str, ...]:
    return (
        _spelled(outcome.faults),
        str(outcome.exit_code),
        f"`{outcome.word}`",
        _quoted(outcome.says.replace("{status}", "*status*")),
        _quoted(outcome.remedy),
        outcome.microphone,
    )


def _input(row: Input) -> tuple[str, ...]:
    return (row.given, str(row.exit_code), f"`{row.word}`", _quoted(row.says), _quoted(row.remedy))


def _spelled(faults: Iterable[str]) -> str:
    """Statuses first, those with and without a body as one."""
    names = list(faults)
    statuses = [status for status in map(str, STATUSES) if status in names or f"{status} empty" in names]
    told = [_status(status, names) for status in statuses]
    kinds = [f"`{name}`" for name in names if not name[0].isdigit()]
    return ", ".join([*([_ALL] if len(told) == len(STATUSES) else told), *kinds])


def _status(status: str, names: list[str]) -> str:
    if f"{status} empty" not in names:
        return f"{status} with a body"
    return status if status in names else f"{status} without a body"


def _quoted(text: str) -> str:
    """A part of a longer text."""
    return f"... {text.replace('|', '&#124;')} ..." if text else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

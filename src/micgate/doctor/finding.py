"""What one check found: a line for people, an object for programs."""

from collections.abc import Iterable
from enum import Enum

import msgspec

from micgate.genesys.errors import GenesysError

Fact = str | int | float | bool | tuple[str, ...] | None


class Verdict(Enum):
    OK = "ok"
    WARN = "warn"
    """Works, but something will not, or not always."""
    FAIL = "fail"
    SKIPPED = "skipped"
    """Not looked at; `what` says why."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`what` is wrong or fine; `where` it is changed, empty when nothing needs to be. Never a secret."""

    check: str
    verdict: Verdict
    what: str
    where: str = ""
    facts: dict[str, Fact] = {}


def ok(check: str, what: str, **facts: Fact) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, what=what, facts=_known(facts))


def warn(check: str, what: str, where: str, **facts: Fact) -> Finding:
    return Finding(check=check, verdict=Verdict.WARN, what=what, where=where, facts=_known(facts))


def fail(check: str, what: str, where: str, **facts: Fact) -> Finding:
    return Finding(check=check, verdict=Verdict.FAIL, what=what, where=where, facts=_known(facts))


def skipped(check: str, why: str) -> Finding:
    return Finding(check=check, verdict=Verdict.SKIPPED, what=why)


def from_error(
    check: str, error: GenesysError, *, verdict: Verdict = Verdict.FAIL, where: str = ""
) -> Finding:
    return Finding(
        check=check,
        verdict=verdict,
        what=" ".join(part for part in (error.what, error.means) if part),
        where=where or error.remedy,
        facts={"word": error.word, **_known(error.facts())},
    )


def all_well(findings: Iterable[Finding]) -> bool:
    """Warnings are allowed."""
    return not any(finding.verdict is Verdict.FAIL for finding in findings)


def _known(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {name: value for name, value in facts.items() if value not in (None, (), "")}

"""The checks of `micgate doctor`, in order. A check whose ground is missing is skipped, and says why."""

from collections.abc import Awaitable, Callable, Iterator

import msgspec

from micgate.doctor import identity, live, lookup, places, reach
from micgate.doctor.case import Case
from micgate.doctor.finding import Finding, Verdict, from_error, ok, skipped, warn
from micgate.genesys.errors import GenesysError
from micgate.genesys.io import drive


class Check(msgspec.Struct, frozen=True):
    """`needs` names checks that must not have failed or been skipped."""

    name: str
    asks: str
    run: Callable[[Case], Awaitable[Finding]]
    needs: tuple[str, ...] = ()


async def budget(case: Case) -> Finding:
    rate, now = case.rate(), case.io.monotonic()
    left = rate.headroom(now)
    if left is None or rate.allowed is None:
        return skipped("budget", "No answer told how many requests are left.")
    if left < _SCARCE * rate.allowed:
        return warn(
            "budget",
            f"Few requests are left this minute: {rate.describe(now)}. A mute may have to wait.",
            f"Not in Admin: others use this OAuth client; give micgate one of its own ({places.OAUTH}).",
            left=left,
            allowed=rate.allowed,
        )
    return ok("budget", f"Requests are left: {rate.describe(now)}.", left=left, allowed=rate.allowed)


_SCARCE = 0.2

CHECKS: tuple[Check, ...] = (
    Check("host", "Is Genesys Cloud there?", reach.host),
    Check("clock", "Do the clocks agree?", reach.clock, ("host",)),
    Check("credentials", "Are the credentials good?", identity.credentials, ("host",)),
    Check("grant", "A person or a service?", identity.grant, ("credentials",)),
    Check("scopes", "Has the token the scopes?", identity.scopes, ("credentials",)),
    Check("permissions", "Has the role the permissions?", identity.permissions, ("credentials",)),
    Check("look-up", "Can live calls be found?", lookup.look_up, ("credentials",)),
    Check("channel", "Does a notification channel beat?", live.channel, ("credentials",)),
    Check("topics", "Which topics are refused?", live.topics, ("channel",)),
    Check("budget", "How many requests are left?", budget, ("credentials",)),
    Check("inactivity", "Does the token end when idle?", identity.inactivity, ("credentials",)),
)


def examine(case: Case, *, tell: Callable[[Check], None] = lambda _check: None) -> Iterator[Finding]:
    """Run them one by one; each finding comes as soon as it is known. `tell` hears of each beforehand."""
    verdicts: dict[str, Verdict] = {}
    for check in CHECKS:
        tell(check)
        finding = _skip(check, verdicts) or _run(check, case)
        verdicts[check.name] = finding.verdict
        yield finding


def skip_all(why: str) -> Iterator[Finding]:
    """When not even the first check can start."""
    return (skipped(check.name, why) for check in CHECKS)


def _skip(check: Check, verdicts: dict[str, Verdict]) -> Finding | None:
    for need in check.needs:
        if verdicts[need] in {Verdict.FAIL, Verdict.SKIPPED}:
            return skipped(check.name, f"Not looked at, because the check of {need} did not pass.")
    return None


def _run(check: Check, case: Case) -> Finding:
    async def flow() -> Finding:
        return await check.run(case)

    try:
        return drive(flow())
    except GenesysError as error:
        return from_error(check.name, error)

"""What the service says about itself, as findings of the doctor."""

from collections.abc import Iterator

from micgate.cli import served
from micgate.cli.failure import CommandError
from micgate.client.errors import GateError
from micgate.client.models import Check
from micgate.doctor.finding import Finding, fail, ok, warn
from micgate.settings import Settings

_NAME = "service"


def findings(settings: Settings) -> Iterator[Finding]:
    """None when there is no service; else what of it does not work, or that all does."""
    try:
        gate = served.gate(settings)
    except CommandError as error:
        yield fail(_NAME, error.what, error.remedy, word=error.word)
        return
    if gate is None:
        return
    with gate:
        try:
            readiness = gate.readiness()
        except GateError as error:
            yield fail(_NAME, error.what, error.remedy, word=error.word)
            return
    lacking = [check for check in readiness.checks if not check.ok]
    yield from (_finding(check) for check in lacking)
    if not lacking:
        yield ok(_NAME, f"The service at {gate.address.url} works.", checks=len(readiness.checks))


def _finding(check: Check) -> Finding:
    found = warn if check.warns else fail
    return found(_NAME, f"{check.name}: {check.says}", check.remedy, name=check.name)

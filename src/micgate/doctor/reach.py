"""Is it there, is it Genesys Cloud, and does it have the same time?"""

from email.utils import parsedate_to_datetime

import msgspec

from micgate.doctor.case import Case
from micgate.doctor.finding import Finding, fail, ok, skipped, warn
from micgate.genesys import requests
from micgate.genesys.errors import NotGenesys
from micgate.genesys.messages import Response
from micgate.genesys.models import ErrorBody
from micgate.genesys.refusals import is_markup, not_genesys

TOLERATED_SKEW = 30.0
"""Seconds. The Date header has whole seconds, and the answer took a while."""
UNWORKABLE_SKEW = 300.0


async def host(case: Case) -> Finding:
    """Knocks without a token: Genesys Cloud answers 401 in its own words, everything else does not."""
    request = requests.get_token()
    response = await case.wire.send(request, case.headers)
    case.first_answer = response
    if is_markup(response) or not _speaks_genesys(response):
        raise _stranger(case, response) if not is_markup(response) else not_genesys(response, request)
    return ok(
        "host",
        f"{case.region.host} answers as Genesys Cloud does ({response.elapsed * 1000:.0f} ms).",
        region=case.region.name,
        region_from=case.region_source,
        milliseconds=round(response.elapsed * 1000, 1),
    )


async def clock(case: Case) -> Finding:
    skew = _skew(case)
    if skew is None:
        return skipped("clock", "The answer had no date to compare with.")
    seconds = round(abs(skew), 1)
    if seconds <= TOLERATED_SKEW:
        return ok("clock", "This machine's clock agrees with Genesys Cloud's.", skew_seconds=round(skew, 1))
    way = "ahead of" if skew > 0 else "behind"
    verdict = fail if seconds > UNWORKABLE_SKEW else warn
    return verdict(
        "clock",
        f"This machine's clock is {seconds:.0f} s {way} Genesys Cloud's: live calls may not be found, "
        "and the times in the journal are wrong.",
        "Not in Genesys Cloud: switch on time synchronization on this machine (timedatectl set-ntp true).",
        skew_seconds=round(skew, 1),
    )


def _speaks_genesys(response: Response) -> bool:
    try:
        body = msgspec.json.decode(response.body, type=ErrorBody)
    except msgspec.DecodeError:
        return False
    return bool(body.code) and (response.correlation_id or body.context_id) is not None


def _stranger(case: Case, response: Response) -> NotGenesys:
    return NotGenesys(
        f"{case.region.host} answers {response.status}, but not as Genesys Cloud does.",
        means="Another service lives there, or a gateway hides the API behind another path.",
        remedy=f"Check the region ({case.region_source}) and the path of the gateway.",
        status=response.status,
    )


def _skew(case: Case) -> float | None:
    if case.first_answer is None:
        return None
    try:
        theirs = parsedate_to_datetime(case.first_answer.headers.get("date", "")).timestamp()
    except ValueError:
        return None
    return case.io.now() - case.first_answer.elapsed / 2 - theirs

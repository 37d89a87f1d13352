"""Running the doctor: from the settings to lines or one object, and the report."""

import platform
import time
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path
from typing import get_args

from micgate import __version__
from micgate import settings as configuration
from micgate.cli import served_health, show
from micgate.cli.failure import CommandError
from micgate.direct.connect import USER_AGENT, Connection
from micgate.direct.errors import DirectError
from micgate.direct.foreground import mute_in_foreground
from micgate.direct.journal import About, Journal, JournalWitness
from micgate.direct.progress import EndWord, Progress
from micgate.direct.sync import SyncGenesys
from micgate.direct.wish import Wish
from micgate.doctor import report
from micgate.doctor.audible import Flip, Flipped
from micgate.doctor.audible import audible as flip_audibly
from micgate.doctor.case import Case
from micgate.doctor.checks import Check, examine, skip_all
from micgate.doctor.finding import Fact, Finding, Verdict, all_well, fail, from_error, ok, skipped
from micgate.doctor.probe import probe
from micgate.doctor.socket_thread import SocketThread
from micgate.genesys.errors import GenesysError
from micgate.genesys.kept_channels import KeptChannels
from micgate.genesys.locate import Call
from micgate.genesys.oauth import ClientCredentials, UserSession
from micgate.genesys.session import common_headers
from micgate.genesys.transport_urllib3 import Urllib3Wire
from micgate.settings import SettingError, Settings


def run(output: show.Output, *, agent: str | None, audible: bool, report_path: Path | None) -> int:
    """Show every finding as it comes; exit code 0 unless one failed."""
    path = _report_path(report_path) if agent else None
    examination = _Examination(output)
    findings = []
    for finding in examination.findings(agent=agent, audible=audible):
        findings.append(finding)
        output.finish_countdown()
        if not output.as_json:
            output.say(_line(finding))
    if path:
        examination.write_report(path, findings)
    _conclude(output, findings, path)
    return 0 if all_well(findings) else 1


class _Examination:
    def __init__(self, output: show.Output) -> None:
        self._output = output
        self._case: Case | None = None

    def findings(self, *, agent: str | None, audible: bool) -> Iterator[Finding]:
        try:
            settings = configuration.load()
            genesys = SyncGenesys.from_settings(settings, journal=settings.journal_path)
        except (SettingError, GenesysError) as error:
            yield _unset(error)
            yield from skip_all("Not looked at, because the settings cannot be used.")
            return
        for warning in settings.warnings:
            self._output.note(f"Warning: {warning}")
        with genesys:
            yield _set(settings, genesys.connection)
            self._case = case = _case(settings, genesys)
            yield from examine(case, tell=self._progress)
            if agent:
                yield from _probes(case, settings, genesys, agent, audible=audible)
            else:  # a report that is shared holds nothing of the service
                yield from served_health.findings(settings)

    def _progress(self, check: Check) -> None:
        self._output.countdown(f"{check.asks} ...")

    def write_report(self, path: Path, findings: list[Finding]) -> None:
        case = self._case
        content = {
            "micgate": __version__,
            "made": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
            "python": platform.python_version(),
            "system": platform.system(),
            "region": case.region.name if case else None,
            "findings": [_members(finding) for finding in findings],
        }
        report.write(path, content, names={str(Path.home()), *(case.names if case else ())})


def _probes(
    case: Case, settings: Settings, genesys: SyncGenesys, agent: str, *, audible: bool
) -> Iterator[Finding]:
    if case.token is None:
        yield skipped("probe", "Not tried, because the check of credentials did not pass.")
        return
    connection = genesys.connection
    about = About(command="doctor", agent=agent, reason=_REASON, api=connection.region.host)
    witness = JournalWitness(Journal(settings.journal_path), about)
    yield from probe(case, agent, strategy=connection.strategy, witness=witness)
    if audible:
        yield flip_audibly(case, agent, flip=_flip(genesys, settings))


_REASON = "drill"


def _flip(genesys: SyncGenesys, settings: Settings) -> Flip:
    """An ordinary mute in the foreground, guardian and all, so that it is given back in every case."""

    def flip(call: Call, seconds: float) -> Flipped:
        wish = Wish.checked(for_=f"{seconds:g}s", reason=_REASON)
        told = _Told(time.monotonic())
        try:
            mute_in_foreground(genesys, lambda: call, wish, state_dir=settings.state_dir, tell=told.hear)
        except (GenesysError, DirectError) as error:
            return told.flipped(error)
        return told.flipped(None)

    return flip


class _Told:
    """What the mute said on its way."""

    def __init__(self, asked_at: float) -> None:
        self._asked_at = asked_at
        self._confirmed_ms: float | None = None
        self._end = "nothing"

    def hear(self, progress: Progress) -> None:
        if progress.word == "confirmed" and progress.result:
            self._confirmed_ms = progress.result.confirmed_ms
            age = time.time() - progress.at
            self._asked_at = time.monotonic() - age - (self._confirmed_ms or 0) / 1000
        if progress.word in _ENDS:
            self._end = progress.word

    def flipped(self, error: Exception | None) -> Flipped:
        return Flipped(
            asked_at=self._asked_at,
            confirmed_ms=self._confirmed_ms,
            given_back=self._end not in {"stuck", "left_closed"},
            how=self._end,
            error=error,
        )


_ENDS = frozenset(get_args(EndWord))


def _case(settings: Settings, genesys: SyncGenesys) -> Case:
    connection, session = genesys.connection, genesys.session
    case = Case(
        io=session,
        wire=Urllib3Wire(connection.region, connection.network),
        region=connection.region,
        region_source=settings.source("region"),
        credentials=connection.credentials,
        credentials_source=_credentials_source(settings, connection),
        headers=common_headers(user_agent=USER_AGENT, extra=connection.extra_headers),
        rate=lambda: session.rate,
        token_life=lambda: session.token.life if session.token else None,
        listen=lambda uri: SocketThread(uri, connection.network),
        kept=KeptChannels(
            settings.state_dir, purpose="doctor", region=connection.region, credentials=connection.credentials
        ),
        agent=settings.agent,
        max_channels=settings.max_channels,
    )
    if connection.region.name == "gateway":
        case.named(connection.region.host, connection.region.login_host)
    case.named(settings.client_id)
    return case


def _set(settings: Settings, connection: Connection) -> Finding:
    region = connection.region
    return ok(
        "settings",
        f"Region {region.name} at {region.host} ({settings.source('region')}); "
        f"credentials: {_credentials_source(settings, connection)}.",
        proxy=connection.network.proxy_for(region.api_url) is not None,
        ca_bundle=connection.network.ca_bundle is not None,
    )


def _unset(error: SettingError | GenesysError) -> Finding:
    if isinstance(error, GenesysError):
        return from_error("settings", error)
    return fail("settings", error.what, error.remedy, word=error.word)


def _credentials_source(settings: Settings, connection: Connection) -> str:
    if isinstance(connection.credentials, UserSession):
        return "the sign-in of micgate login"
    name = "client_id" if isinstance(connection.credentials, ClientCredentials) else "access_token"
    return settings.source(name)


def _line(finding: Finding) -> str:
    mark = finding.verdict.value.upper() if finding.verdict is Verdict.FAIL else finding.verdict.value
    where = f"\n{'':22}{finding.where}" if finding.where else ""
    return f"{mark:<8}{finding.check:<13} {finding.what}{where}"


def _members(finding: Finding) -> dict[str, Fact | dict[str, Fact]]:
    members: dict[str, Fact | dict[str, Fact]] = {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "what": finding.what,
    }
    if finding.where:
        members["where"] = finding.where
    if finding.facts:
        members["facts"] = finding.facts
    return members


def _conclude(output: show.Output, findings: list[Finding], path: Path | None) -> None:
    if path:
        output.note(f"The report, without names, ids and numbers: {path}")
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    if output.as_json:
        members = [_members(finding) for finding in findings]
        output.json({"ok": all_well(findings), "checks": members, "report": str(path) if path else None})
    else:
        output.note(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count))


def _report_path(given: Path | None) -> Path:
    """Before anything is sent: a report that cannot be written is known at once."""
    path = given or _new_name()
    if path.exists():
        raise CommandError(f"{path} exists already.", remedy="Give another file with --report.")
    if not path.absolute().parent.is_dir():
        raise CommandError(f"The folder of {path} does not exist.", remedy="Give another file with --report.")
    return path


def _new_name() -> Path:
    stem = time.strftime("micgate-report-%Y%m%d-%H%M%S")
    names = (Path(f"{stem}{suffix}.json") for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(name for name in names if not name.exists())

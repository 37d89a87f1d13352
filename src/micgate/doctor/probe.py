"""Does this organization let micgate move a microphone? Tried on a live call, in a way nobody hears.

The probe sends the value the microphone has already.
"""

from collections.abc import Iterator
from uuid import uuid4

import msgspec

from micgate.doctor import places, role
from micgate.doctor.case import Case
from micgate.doctor.finding import Fact, Finding, from_error, ok, skipped, warn
from micgate.genesys.errors import GenesysError
from micgate.genesys.flows import Command, Outcome, Witness, set_muted
from micgate.genesys.io import drive
from micgate.genesys.locate import Call, find_call, find_user
from micgate.genesys.strategy import Accepted, Strategy


def probe(case: Case, ref: str, *, strategy: Strategy, witness: Witness) -> Iterator[Finding]:
    """The findings `call` and `probe`; the second is missing when there is no call to try it on."""
    call, finding = find(case, ref)
    yield finding
    if call is None:
        yield skipped("probe", "There is no live call to try it on.")
    elif call.muted is None:
        yield skipped("probe", "Genesys Cloud does not say whether the microphone is open: nothing was sent.")
    else:
        yield _send_present_value(case, call, strategy=strategy, witness=witness)


def find(case: Case, ref: str) -> tuple[Call | None, Finding]:
    case.named(ref, *ref.split("@")[:1])

    async def flow() -> Call:
        user = await find_user(case.io, ref)
        case.met((user,))
        case.named(*(user.name or "").split())
        return await find_call(case.io, user, own=case.me is not None and case.me.id == user.id)

    try:
        call = drive(flow())
    except GenesysError as error:
        return None, from_error("call", error)
    return call, ok(
        "call",
        f"{call.agent_name or 'The agent'} is connected, microphone {_WORDS[call.muted]}.",
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
        user_id=call.user_id,
        muted=call.muted,
        held=call.held,
        direction=call.direction,
        purpose=call.purpose,
        through_a_queue=call.queue_id is not None,
    )


_WORDS = {True: "closed", False: "open", None: "unknown"}


class _Attempt(msgspec.Struct, frozen=True):
    strategy: Strategy | None
    outcome: Outcome

    @property
    def says(self) -> str:
        name = self.strategy.value if self.strategy else "?"
        error = self.outcome.error
        code = f" {error.vendor_code}" if error and error.vendor_code else ""
        status = f" ({self.outcome.status}{code})" if self.outcome.status else ""
        return f"{name}: {self.outcome.kind}{status}"


class _Recorder:
    """Passes everything on to the journal and remembers what came out."""

    def __init__(self, journal: Witness) -> None:
        self._journal = journal
        self.attempts: list[_Attempt] = []

    def intended(self, command: Command) -> None:
        self._journal.intended(command)

    def concluded(self, command: Command, outcome: Outcome) -> None:
        self.attempts.append(_Attempt(command.strategy, outcome))
        self._journal.concluded(command, outcome)


def _send_present_value(case: Case, call: Call, *, strategy: Strategy, witness: Witness) -> Finding:
    recorder = _Recorder(witness)
    present = bool(call.muted)
    try:
        drive(
            set_muted(
                case.io,
                # Unknown, so that it is sent although the microphone is like that already.
                msgspec.structs.replace(call, muted=None, read_at=case.io.monotonic()),
                present,
                has_user=case.has_user,
                accepted=Accepted(),
                witness=recorder,
                new_id=lambda: str(uuid4()),
                strategy=strategy,
            )
        )
    except GenesysError as error:
        return _refused(case, recorder.attempts, error)
    return _accepted(recorder.attempts)


def _accepted(attempts: list[_Attempt]) -> Finding:
    taken = next((each for each in attempts if each.outcome.kind == "accepted"), None)
    if taken is None:
        return warn(
            "probe",
            "Whether the mute request was accepted is not known: " + _all(attempts),
            "Not in Admin: run it again; the platform or the way to it had a bad moment.",
            **_facts(attempts),
        )
    name = taken.strategy.value if taken.strategy else "?"
    return ok(
        "probe",
        f"Accepted: this organization takes the mute request ({_all(attempts)}). "
        "That it takes effect is proven by --audible only.",
        strategy=name,
        http_ms=round(taken.outcome.http_ms, 1) if taken.outcome.http_ms else None,
        **_facts(attempts),
    )


def _refused(case: Case, attempts: list[_Attempt], error: GenesysError) -> Finding:
    where = error.remedy
    if not case.has_user and any(each.strategy is Strategy.ON_BEHALF for each in attempts):
        where = f"{places.CLIENT_ROLES}: a role with conversation:agentlessCall:add, in the agent's division."
        if error.word != "missing_permission":
            where += f" If it is there: try again with one of {', '.join(role.STRONGER)} added to the role."
    finding = from_error("probe", error, where=where)
    return msgspec.structs.replace(
        finding,
        what=f"Refused ({_all(attempts)}). {finding.what}",
        facts={**finding.facts, **_facts(attempts)},
    )


def _all(attempts: list[_Attempt]) -> str:
    return "; ".join(each.says for each in attempts) or "nothing was sent"


def _facts(attempts: list[_Attempt]) -> dict[str, Fact]:
    return {"attempts": tuple(each.says for each in attempts)}

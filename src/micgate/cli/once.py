"""`micgate set`: one change, confirmed."""

from typing import Any

import msgspec

from micgate.cli import microphone, show
from micgate.cli.failure import CommandError
from micgate.control.mute import DEFAULT_REASON
from micgate.direct.sync import SyncGenesys
from micgate.genesys.flows import Result
from micgate.genesys.reading import Call
from micgate.settings import Settings


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """As named on the command line."""

    agent: str | None
    conversation_id: str | None
    participant_id: str | None


class NotOurs(CommandError):
    """Nothing shows that the microphone was closed from here."""

    word = "not_ours"


def run(settings: Settings, output: show.Output, target: Target, *, muted: bool, force: bool) -> None:
    with microphone.direct(settings, output) as genesys:
        microphone.name_forgotten(genesys, settings, output)
        turn = microphone.turn(settings)
        found = microphone.find_call(
            genesys,
            settings,
            agent=target.agent,
            conversation_id=target.conversation_id,
            participant_id=target.participant_id,
        )
        with microphone.locked(genesys, found, settings, opens=not muted, since=turn) as call:
            if not muted and not force:
                _check_ours(genesys, call)
            result = genesys.set_muted(call, muted, reason=DEFAULT_REASON)
    report(output, settings, call, result)


def report(output: show.Output, settings: Settings, call: Call, result: Result) -> None:
    slow = warn_if_slow(output, settings, result)
    output.result(_says(call, result), {**members(call, result), "slow": slow})


def members(call: Call, result: Result) -> dict[str, Any]:
    """What programs read of a confirmed change."""
    confirmed = msgspec.to_builtins(result)
    del confirmed["call"]
    return {"agent": call.agent_name, "user_id": call.user_id, **confirmed}


def warn_if_slow(output: show.Output, settings: Settings, result: Result) -> bool:
    slow = (result.confirmed_ms or 0.0) > settings.slow_mute * 1000
    if slow:
        output.note(
            f"Warning: it took {(result.confirmed_ms or 0.0) / 1000:.1f} s to be confirmed; over "
            f"{settings.slow_mute:g} s (MICGATE_SLOW_MUTE) is slow. micgate doctor looks for the cause."
        )
    return slow


def _check_ours(genesys: SyncGenesys, call: Call) -> None:
    closed_here = genesys.journal is not None and genesys.journal.closed_here(
        conversation_id=call.conversation_id, participant_id=call.participant_id
    )
    if call.muted is not False and not closed_here:
        raise NotOurs(
            f"Nothing shows that {microphone.name(call)} was muted from here: it may be an own mute.",
            remedy="Only who closed a microphone should open it. If you are sure, add --force.",
            conversation_id=call.conversation_id,
            participant_id=call.participant_id,
        )


def _says(call: Call, result: Result) -> str:
    who, word = microphone.name(call), "muted" if result.muted else "open"
    if not result.changed:
        return f"{who} was {word} already: nothing was sent."
    changed = "Muted" if result.muted else "Opened"
    return f"{changed} {who}: Genesys Cloud shows it after {result.confirmed_ms or 0:.0f} ms."

"""`micgate unmute`: what was closed from here is opened; whose the rest may be is said."""

from micgate.cli import microphone, once, show
from micgate.cli.failure import CommandError
from micgate.cli.once import NotOurs
from micgate.direct.journal import Standing
from micgate.direct.sync import SyncGenesys
from micgate.genesys.flows import Result
from micgate.genesys.reading import Call
from micgate.settings import Settings


def run(settings: Settings, output: show.Output, *, agent: str | None, conversation_id: str | None) -> None:
    with microphone.direct(settings, output) as genesys:
        turn = microphone.turn(settings)
        if agent or settings.agent or conversation_id:
            call = microphone.find_call(genesys, settings, agent=agent, conversation_id=conversation_id)
        else:
            only = _only(microphone.closed_from_here(genesys))
            if only is None:
                output.result("Nothing is closed from here.", {"released": False, "muted": None})
                return
            call = genesys.find_call(only.user_id, conversation_id=only.conversation_id)
        _release(genesys, settings, output, call, turn)


def _only(standing: tuple[Standing, ...]) -> Standing | None:
    if len(standing) > 1:
        named = ", ".join(f"{each.agent or each.user_id} (since {each.since})" for each in standing)
        raise CommandError(
            f"{len(standing)} microphones are closed from here: {named}.",
            remedy="Name one: micgate unmute AGENT",
        )
    return standing[0] if standing else None


def _release(
    genesys: SyncGenesys, settings: Settings, output: show.Output, found: Call, turn: int | None
) -> None:
    if ended := microphone.end_running(found, settings):
        output.note("Ending the mute that runs here.")
    with microphone.locked(genesys, found, settings, opens=True, since=None if ended else turn) as call:
        if call.muted is False:
            _report_open(output, call, released=ended)
            return
        ours = _ours(genesys, call)
        result = genesys.set_muted(call, False, command="unmute", reason=ours.reason)
    _report(output, settings, call, result)


def _ours(genesys: SyncGenesys, call: Call) -> Standing:
    """What the journal says of this leg; `NotOurs` when that is nothing."""
    leg = (call.conversation_id, call.participant_id)
    for each in microphone.closed_from_here(genesys):
        if (each.conversation_id, each.participant_id) == leg:
            return each
    raise NotOurs(
        f"{microphone.name(call)} is muted, and not by micgate as far as this user's journal shows: "
        "it is the agent's own mute, a device's or another app's; Genesys does not say.",
        remedy="The agent has a button for it. If you are sure: micgate set AGENT --unmuted --force",
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
    )


def _report_open(output: show.Output, call: Call, *, released: bool) -> None:
    who = microphone.name(call)
    text = f"Given back: {who} is open again." if released else f"{who} is open: there is nothing to do."
    members = {
        "agent": call.agent_name,
        "user_id": call.user_id,
        "conversation_id": call.conversation_id,
        "participant_id": call.participant_id,
        "released": released,
        "muted": False,
        "changed": False,
    }
    output.result(text, members)


def _report(output: show.Output, settings: Settings, call: Call, result: Result) -> None:
    once.warn_if_slow(output, settings, result)
    output.result(
        f"Opened {microphone.name(call)}: Genesys Cloud shows it after {result.confirmed_ms or 0:.0f} ms.",
        {**once.members(call, result), "released": True},
    )

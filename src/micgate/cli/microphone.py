"""The microphone that a command means, and what stands on it from here."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from micgate.cli import show
from micgate.cli.failure import UsageProblem
from micgate.direct.errors import JournalUnwritable
from micgate.direct.journal import About, JournalWitness, Phase, Standing
from micgate.direct.lock import holder, is_free, last_turn, lock_microphone
from micgate.direct.sync import SyncGenesys
from micgate.genesys.absence import not_connected
from micgate.genesys.errors import GenesysError, NoSuchMicrophone
from micgate.genesys.io import drive
from micgate.genesys.reading import Call
from micgate.settings import Settings

_NAMED_AT_MOST = 3


@contextmanager
def direct(settings: Settings, output: show.Output) -> Iterator[SyncGenesys]:
    """Genesys Cloud, with the journal; at the end it is said if that lacks something that was done."""
    with SyncGenesys.from_settings(settings, journal=settings.journal_path) as genesys:
        try:
            yield genesys
        finally:
            _tell_missed(genesys, output)


def _tell_missed(genesys: SyncGenesys, output: show.Output) -> None:
    if genesys.journal and (missed := genesys.journal.missed):
        output.note(
            f"Warning: not all of this is in the journal: {genesys.journal.path} could not be written "
            f"({missed.why})."
        )


def turn(settings: Settings) -> int | None:
    """To be asked before `find_call`, for `locked`."""
    return last_turn(settings.state_dir)


def find_call(
    genesys: SyncGenesys,
    settings: Settings,
    *,
    agent: str | None,
    conversation_id: str | None,
    participant_id: str | None = None,
) -> Call:
    """AGENT, else AGENT_USER_ID, else the named end of the call, else whoever is signed in."""
    wanted = (agent or "").strip() or settings.agent
    if wanted is None and conversation_id is None and not drive(genesys.session.has_user()):
        raise UsageProblem(
            "Which agent is not said.",
            remedy="Give a user id, an e-mail address or a unique name, or set AGENT_USER_ID.",
        )
    return genesys.find_call(wanted, conversation_id=conversation_id, participant_id=participant_id)


def name(call: Call) -> str:
    return call.agent_name or call.user_id or call.participant_id


@contextmanager
def locked(
    genesys: SyncGenesys, call: Call, settings: Settings, *, opens: bool, since: int | None
) -> Iterator[Call]:
    """One direct command at a time, each with the microphone as the last one left it.

    Where no lock can be made, one that `opens` goes on without. `since`: the `last_turn` before `call` was
    read, None when the microphone was moved since. Raises `NotConnected` when the call has ended meanwhile.
    """
    try:
        lock = lock_microphone(
            settings.state_dir, conversation_id=call.conversation_id, user_id=_owner(call), since=since
        )
    except JournalUnwritable:
        if not opens:
            raise
        yield call
        return
    try:
        yield _read_again(genesys, call) if lock.changed_hands else call
    finally:
        lock.release()


def _read_again(genesys: SyncGenesys, call: Call) -> Call:
    latest = genesys.read_call(call)
    if not latest.live:
        raise not_connected(latest)
    return latest


def is_running(call: Call, settings: Settings) -> bool:
    """Whether a direct command, or its guardian, has this microphone now."""
    return not is_free(settings.state_dir, conversation_id=call.conversation_id, user_id=_owner(call))


def end_running(call: Call, settings: Settings) -> bool:
    """Ask the command that has this microphone to give it back; false when none has it."""
    if not is_running(call, settings):
        return False
    pid = holder(settings.state_dir, conversation_id=call.conversation_id, user_id=_owner(call))
    if pid:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
    return True


def closed_from_here(genesys: SyncGenesys) -> tuple[Standing, ...]:
    """What the journal shows as closed and not given back, in this organization's region."""
    standing = genesys.journal.standing() if genesys.journal else ()
    return tuple(each for each in standing if each.api in {None, genesys.connection.region.host})


def name_forgotten(genesys: SyncGenesys, settings: Settings, output: show.Output) -> None:
    """Name microphones that neither a killed command nor its guardian gave back."""
    for each in _forgotten(genesys, settings)[:_NAMED_AT_MOST]:
        if _still_closed(genesys, each):
            who = each.agent or each.user_id or each.participant_id
            output.note(
                f"Warning: {who} may still be muted by a command of {each.since} that was killed "
                f"(call {each.conversation_id}). To open it: micgate unmute {each.user_id or ''}".rstrip()
            )


def _forgotten(genesys: SyncGenesys, settings: Settings) -> list[Standing]:
    return [
        each
        for each in closed_from_here(genesys)
        if not each.deliberate
        and each.user_id
        and is_free(settings.state_dir, conversation_id=each.conversation_id, user_id=each.user_id)
    ]


def _still_closed(genesys: SyncGenesys, each: Standing) -> bool:
    """Look once. What is over is written down, so that the next command need not look."""
    try:
        call = genesys.find_call(
            each.user_id, conversation_id=each.conversation_id, participant_id=each.participant_id
        )
    except NoSuchMicrophone:
        _note(genesys, each, "call_ended")
        return False
    except GenesysError:
        return True
    if call.muted is False:
        _note(genesys, each, "overridden")
    return call.muted is not False


def _note(genesys: SyncGenesys, each: Standing, phase: Phase) -> None:
    if genesys.journal and each.participant_id:
        about = About(command="look", user_id=each.user_id, agent=each.agent, api=each.api)
        JournalWitness(genesys.journal, about).noted(
            phase, muted=True, conversation_id=each.conversation_id, participant_id=each.participant_id
        )


def _owner(call: Call) -> str:
    return call.user_id or call.participant_id

"""One change of a microphone, confirmed and written down."""

from uuid import uuid4

from micgate.control.mute import boolean
from micgate.direct.account import Record
from micgate.direct.connect import Connection
from micgate.direct.journal import About, Journal, JournalWitness, Unrecorded
from micgate.genesys.flows import Result, set_muted
from micgate.genesys.reading import Call
from micgate.genesys.session import Session
from micgate.genesys.strategy import Accepted


def record(journal: Journal | None, about: About) -> Record:
    return JournalWitness(journal, about) if journal else Unrecorded()


async def set_once(
    io: Session,
    call: Call,
    muted: object,
    *,
    connection: Connection,
    accepted: Accepted,
    journal: Journal | None,
    command: str,
    reason: str | None,
) -> Result:
    """Close or open it. `command` and `reason` go into the journal. Raises as `set_muted` does."""
    about = About(
        command=command,
        user_id=call.user_id,
        agent=call.agent_name,
        reason=reason,
        api=connection.region.host,
    )
    witness = record(journal, about)
    result = await set_muted(
        io,
        call,
        boolean(muted),
        has_user=await io.has_user(),
        accepted=accepted,
        witness=witness,
        new_id=new_id,
        strategy=connection.strategy,
        patience=connection.patience,
    )
    if result.changed:
        witness.noted(
            "confirmed",
            muted=result.muted,
            conversation_id=result.conversation_id,
            participant_id=result.participant_id,
            latency_ms=result.confirmed_ms,
        )
    return result


def new_id() -> str:
    return str(uuid4())

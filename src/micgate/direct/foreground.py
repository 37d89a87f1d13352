"""`micgate mute` without its words: find, lock, guard, place, stand, give back."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec

from micgate.direct.charge import Charge, lent
from micgate.direct.guard import Guard
from micgate.direct.journal import Journal, JournalWitness
from micgate.direct.lock import MicrophoneLock, last_turn, lock_microphone
from micgate.direct.memory import Plan
from micgate.direct.mute import Mute
from micgate.direct.progress import Ended, Progress
from micgate.direct.standing import Keeper
from micgate.direct.sync import SyncGenesys
from micgate.direct.wish import Wish, about
from micgate.genesys.errors import NotAnAgent
from micgate.genesys.io import drive
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.reading import Call

Tell = Callable[[Progress], None]


def mute_in_foreground(
    genesys: SyncGenesys,
    find: Callable[[], Call],
    wish: Wish,
    *,
    state_dir: Path,
    tell: Tell,
    found: Callable[[Call], None] = lambda _call: None,
) -> Ended:
    """Mute until the time is over, and return when the microphone is given back.

    Whatever is raised meanwhile (a signal's exception, one from `tell`), the microphone is given back before
    it goes on; `tell` is called in this thread and has been told the end then, which is an `Ended` word. If
    this process is killed, a guardian gives back. `find` runs while the guardian starts; `found` gets what it
    found.

    Raises what `find` raises, `MicrophoneBusy`, `NoGuardian`, `JournalUnwritable`, `Unconfirmed` (given back
    by then) or the vendor's refusal.
    """
    guard = Guard.start()
    lock: MicrophoneLock | None = None
    guarded: _Guarded | None = None
    try:
        since = last_turn(state_dir)
        call = find()
        found(call)
        lock = lock_microphone(
            state_dir, conversation_id=call.conversation_id, user_id=_user(call), since=since
        )
        is_known = call.muted is False and not lock.changed_hands
        plan = _plan(genesys, wish, call if is_known else _to_read_again(call))
        guarded = _Guarded(genesys, plan, guard=guard, lock=lock, state_dir=state_dir)
        return guarded.run(tell)
    finally:
        if guarded is None or not guarded.ran:
            guard.dismiss()
            if lock:
                lock.release()


def _plan(genesys: SyncGenesys, wish: Wish, call: Call) -> Plan:
    has_user = drive(genesys.session.has_user())
    return wish.plan(call, genesys.connection, has_user=has_user, now=genesys.session.monotonic())


def _to_read_again(call: Call) -> Call:
    """Whoever had the lock until now may have moved the microphone since it was read."""
    return msgspec.structs.replace(call, read_at=0.0)


def _user(call: Call) -> str:
    if call.user_id:
        return call.user_id
    raise NotAnAgent(
        "This end of the call has no user, so nobody could be told whose microphone it is.",
        remedy="Name the agent.",
        purpose=call.purpose,
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
    )


class _Guarded:
    """One mute with its guardian and its lock. `ran`: the keeper has both and ends them."""

    def __init__(
        self, genesys: SyncGenesys, plan: Plan, *, guard: Guard, lock: MicrophoneLock, state_dir: Path
    ) -> None:
        self.ran = False
        self._genesys = genesys
        self._plan = plan
        self._about = about(plan, genesys.connection, genesys.session)
        self._guard = guard
        self._lock = lock
        self._journal = genesys.journal or Journal(state_dir / "direct.jsonl")
        self._guard.charge(self._charge(), lock_fd=lock.fd)
        self._keeper = Keeper(self._mute, genesys.session, settles=False, at_end=self._end)

    def run(self, tell: Tell) -> Ended:
        try:
            self.ran = True
            self._keeper.start()
            while (news := self._keeper.follow()) is not None:
                for progress in news:
                    tell(progress)
            self._keeper.wait_placed()
        finally:
            self._keeper.finish(tell)
        assert self._keeper.ended is not None  # noqa: S101 -- a finished keeper has ended its mute
        return self._keeper.ended

    def _mute(self, say: Tell) -> Mute:
        record = JournalWitness(self._journal, self._about)

        def tell(progress: Progress) -> None:
            self._guard.lend(lent(self._genesys.session))
            say(progress)

        return Mute(
            self._plan,
            record=record,
            new_id=lambda: str(uuid4()),
            remember=self._guard.remember,
            tell=tell,
        )

    def _end(self, mute: Mute, unsettled: float) -> None:
        """Runs in the keeper's thread: no signal parts the guardian from its lock."""
        if mute.ended and mute.ended.word == "stuck":
            self._guard.abandon()
            self._lock.leave()
        elif unsettled:
            self._guard.dismiss(settle=True)
            self._lock.leave()
        else:
            self._guard.dismiss()
            self._lock.release()

    def _charge(self) -> Charge:
        connection = self._genesys.connection
        credentials = connection.credentials
        return Charge(
            plan=self._plan,
            about=self._about,
            region=connection.region,
            network=connection.network,
            extra_headers=dict(connection.extra_headers),
            client=credentials if isinstance(credentials, ClientCredentials) else None,
            token=lent(self._genesys.session),
            journal=str(self._journal.path),
            lock=str(self._lock.path),
        )

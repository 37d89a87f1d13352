"""The platform, seen through Genesys Cloud's API."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from micgate.control.command import Kind, Verb
from micgate.genesys.commands import Outcome, answered, outcome_of
from micgate.genesys.errors import (
    Forbidden,
    GenesysError,
    MissingScope,
    NotAParty,
    NotFound,
    RateLimited,
    TokenRefused,
)
from micgate.genesys.messages import Request
from micgate.genesys.models import Conversation
from micgate.genesys.network import Network
from micgate.genesys.requests import (
    activity,
    get_call,
    get_conversation,
    get_token,
    patch_participant,
    patch_participant_on_behalf,
    read_activity,
    read_call,
    read_conversation,
    set_recording_state,
)
from micgate.genesys.session import Session
from micgate.genesys.strategy import Accepted, Strategy, order
from micgate.platform.live import GenesysLine
from micgate.platform.port import (
    PAGE,
    Allowance,
    Answer,
    CallShown,
    Errand,
    GoingOn,
    Heard,
    KeptChannel,
    Line,
    LineChanged,
    NotTold,
    Toll,
)
from micgate.platform.shown import call_shown

READ_SECONDS = 4.0
_WITHOUT_RETRY_AFTER = 3.0


class GenesysPlatform:
    """See `port.Platform`. For one org and one session."""

    def __init__(
        self,
        session: Session,
        *,
        strategy: Strategy = Strategy.AUTO,
        network: Network | None = None,
    ) -> None:
        self._session = session
        self._strategy = strategy
        self._network = network or Network()
        self._accepted = Accepted()
        self._has_user = False
        self._by_call = True
        self._by_call_works = False
        self._by_call_missed = False
        self._token_life = 0.0

    @property
    def strategy(self) -> str | None:
        return self._accepted.works.value if self._accepted.works else None

    @property
    def allowance(self) -> Allowance | None:
        rate = self._session.rate
        if rate.allowed is None or rate.count is None or rate.reset_at is None:
            return None
        return Allowance(
            allowed=rate.allowed,
            count=rate.count,
            reset_in=max(0.0, rate.reset_at - self._session.monotonic()),
        )

    def recall(self, strategy: str) -> None:
        with suppress(ValueError):  # a newer micgate's word
            self._accepted.worked(Strategy(strategy))

    async def prepare(self) -> None:
        try:
            await self._session.send(get_token())
            self._has_user = await self._session.has_user()
            self._token_life = max(self._token_life, self._session.token.life if self._session.token else 0)
        except GenesysError as error:
            raise _not_told(error) from error

    async def carry_out(self, errand: Errand) -> Answer:
        if errand.command.verb is Verb.READ:
            return await self.look(errand.conversation_id)
        ways = self._ways(errand)
        outcome = await answered(self._session, _request(errand, ways[0]))
        answer = self._answer(outcome)
        if errand.user_id:
            answer = self._learned(errand, ways, outcome, answer)
        return answer

    async def look(self, conversation_id: str) -> Answer:
        started = self._session.monotonic()
        by_call = self._by_call
        try:
            conversation = await self._read(conversation_id, by_call=by_call)
        except GenesysError as error:
            return self._unread(conversation_id, error, by_call=by_call)
        self._by_call_works, self._by_call_missed = by_call, False
        return Answer(
            kind=Kind.ACCEPTED,
            status=_OK,
            seconds=self._session.monotonic() - started,
            call=call_shown(conversation),
            allowance=self.allowance,
        )

    async def going_on(self, *, page: int) -> tuple[GoingOn, ...]:
        try:
            rows = read_activity(await self._session.send(activity(page=page, size=PAGE)))
        except GenesysError as error:
            raise _not_told(error) from error
        return tuple(
            GoingOn(row.conversation_id or "", row.user_id or "") for row in rows
        )  # a row without a user counts for the page, and is nobody's

    def line(
        self,
        users: Sequence[str],
        *,
        kept: KeptChannel | None,
        heard: Heard,
        changed: LineChanged,
        toll: Toll,
    ) -> Line:
        return GenesysLine(
            self._session,
            users,
            network=self._network,
            kept=kept,
            heard=heard,
            changed=changed,
            toll=toll,
            token_life=self._token_life,
        )

    def _ways(self, errand: Errand) -> tuple[Strategy, ...]:
        return order(
            self._strategy,
            has_user=self._has_user,
            accepted=self._accepted,
            conversation_id=errand.conversation_id,
        )

    def _learned(
        self, errand: Errand, ways: tuple[Strategy, ...], outcome: Outcome, answer: Answer
    ) -> Answer:
        """What this says about the strategy: remembered, or worth a try with the next one."""
        error, way = outcome.error, ways[0]
        if answer.kind is Kind.ACCEPTED:
            self._accepted.worked(way)
        if not isinstance(error, Forbidden) or isinstance(error, MissingScope):
            return answer
        if way is Strategy.PARTICIPANT and isinstance(error, NotAParty):
            self._accepted.not_a_party(errand.conversation_id)
        elif len(ways) > 1 and self._accepted.works is way:
            self._accepted.works = ways[1]
        left = self._ways(errand)[0] is not way
        return _replaced(answer, again_in=0.0) if left else answer

    async def _read(self, conversation_id: str, *, by_call: bool) -> Conversation:
        if by_call:
            return read_call(await self._session.send(get_call(conversation_id, within=READ_SECONDS)))
        answer = await self._session.send(get_conversation(conversation_id, within=READ_SECONDS))
        return read_conversation(answer)

    def _unread(self, conversation_id: str, error: GenesysError, *, by_call: bool) -> Answer:
        """A call is over when a read that works does not find it. Whether calls are shown to a token without
        a user is unconfirmed, and so is how they are refused: the other operation is asked then.
        """
        answer = self._answer(outcome_of(error))
        missing = isinstance(error, NotFound)
        if by_call and (isinstance(error, Forbidden) or (missing and not self._by_call_works)):
            self._by_call, self._by_call_missed = False, missing
            return _replaced(answer, again_in=0.0)
        if not (missing or (isinstance(error, Forbidden) and self._by_call_missed)):
            return answer
        self._by_call = self._by_call or self._by_call_missed
        return _replaced(answer, call=CallShown(conversation_id=conversation_id))

    def _answer(self, outcome: Outcome) -> Answer:
        error = outcome.error
        wait = _wait(error)
        return Answer(
            kind=Kind(outcome.kind),
            status=outcome.status,
            word=error.word if error else None,
            says=error.what if error else None,
            correlation_id=outcome.correlation_id,
            again_in=0.0 if isinstance(error, TokenRefused) else wait,
            closed_for=wait,
            seconds=None if outcome.http_ms is None else outcome.http_ms / 1000,
            allowance=self.allowance,
        )


_OK = 200
_replaced = msgspec.structs.replace


def _request(errand: Errand, way: Strategy) -> Request:
    command, conversation_id = errand.command, errand.conversation_id
    if command.verb in {Verb.PAUSE, Verb.RESUME}:
        return set_recording_state(conversation_id, paused=command.verb is Verb.PAUSE)
    muted = command.verb is Verb.MUTE
    if way is Strategy.ON_BEHALF:
        return patch_participant_on_behalf(conversation_id, command.leg, user_id=errand.user_id, muted=muted)
    return patch_participant(conversation_id, command.leg, muted=muted)


def _wait(error: GenesysError | None) -> float | None:
    """What a rate limit asks for, in seconds."""
    if not isinstance(error, RateLimited):
        return None
    return _WITHOUT_RETRY_AFTER if error.retry_after is None else error.retry_after


def _not_told(error: GenesysError) -> NotTold:
    return NotTold(str(error), word=error.word, closed_for=_wait(error))

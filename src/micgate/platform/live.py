"""A live line to Genesys Cloud: one notification channel with the calls of up to a thousand agents."""

from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp

from micgate.genesys.channel import MAX_CHANNELS
from micgate.genesys.errors import GenesysError
from micgate.genesys.listener import Listener
from micgate.genesys.messages import Request, Response
from micgate.genesys.models import Channel, Participant
from micgate.genesys.network import Network
from micgate.genesys.notifications import SILENCE, Observation, calls_topic, subject_of
from micgate.genesys.oauth import Token
from micgate.genesys.requests import create_channel, get_channels, read_channel, read_channels
from micgate.genesys.session import Session
from micgate.platform.port import Heard, KeptChannel, LineChanged, NotTold, Toll
from micgate.platform.shown import call_shown

LEAST_TOKEN_SECONDS = 3540.0
"""A channel dies with its token: with a shorter life there would be a gap all the time. An hour, of which
some is over when the token is looked at.
"""


class GenesysLine:
    """See `port.Line`. `token_life` is that of a new access token; after `silence` without any message the
    socket is asked whether it lives. Both in seconds.
    """

    def __init__(
        self,
        session: Session,
        users: Sequence[str],
        *,
        network: Network,
        kept: KeptChannel | None,
        heard: Heard,
        changed: LineChanged,
        toll: Toll,
        token_life: float,
        silence: float = SILENCE,
    ) -> None:
        self._io = _Tolled(session, toll)
        self._token_life = token_life
        self._users = users
        self._network = network
        self._kept = kept
        self._heard = heard
        self._changed = changed
        self._silence = silence
        self._listener: Listener | None = None

    @property
    def up(self) -> bool:
        return self._listener is not None and self._listener.up

    @property
    def channel(self) -> KeptChannel | None:
        channel = self._listener.channel if self._listener else None
        if channel is None or channel.connect_uri is None:
            return None
        return KeptChannel(channel_id=channel.id, uri=channel.connect_uri, expires_at=_ends(channel))

    @property
    def refused(self) -> tuple[str, ...]:
        topics = self._listener.refused if self._listener else ()
        return tuple(user for user, _ in (subject_of(topic.id) for topic in topics) if user)

    async def run(self) -> None:
        """Raises `NotTold` when the platform will not have us, now or ever."""
        _demand_long_life(self._token_life)
        try:
            await self._listen()
        except GenesysError as error:
            raise NotTold(str(error), word=error.word) from error

    async def look_after(self) -> None:
        listener = self._listener
        if listener is None or not listener.up:
            return
        try:
            if listener.outlived_its_token:
                await listener.replace()
            elif self._io.monotonic() >= listener.renew_at:
                await listener.renew()
        except GenesysError as error:
            raise NotTold(str(error), word=error.word) from error

    async def follow(self, users: Sequence[str]) -> None:
        self._users = users
        if self._listener is None:
            return
        try:
            await self._listener.follow(_topics(users))
        except GenesysError as error:
            raise NotTold(str(error), word=error.word) from error

    async def _listen(self) -> None:
        secure = self._network.ssl_context() if self._network.ca_bundle else True
        connector = aiohttp.TCPConnector(ssl=secure, limit=0)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
            self._listener = Listener(
                self._io,
                _topics(self._users),
                http=http,
                network=self._network,
                make=self._make,
                hear=self._hear,
                changed=self._changed,
                silence=self._silence,
                channel=_given(self._kept),
            )
            await self._listener.run()

    async def _make(self) -> Channel | None:
        """The question first: it renews a token that has ended, which a state change would only report."""
        made = read_channels(await self._io.send(get_channels()))
        if len(made) >= MAX_CHANNELS:
            return None
        return read_channel(await self._io.send(create_channel()))

    def _hear(self, observation: Observation) -> None:
        if observation.conversation is not None:
            self._heard(call_shown(observation.conversation))


class _Tolled:
    """The session, each request of which waits for room in the budget."""

    def __init__(self, session: Session, toll: Toll) -> None:
        self._session = session
        self._toll = toll
        self.sleep = session.sleep
        self.monotonic = session.monotonic
        self.now = session.now

    @property
    def token(self) -> Token | None:
        return self._session.token

    async def send(self, request: Request) -> Response:
        await self._toll()
        return await self._session.send(request)

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        return await self._session.observed(
            conversation_id=conversation_id, participant_id=participant_id, seconds=seconds
        )


def _topics(users: Sequence[str]) -> list[str]:
    return [calls_topic(user) for user in users]


def _given(kept: KeptChannel | None) -> Channel | None:
    if kept is None:
        return None
    expires = datetime.fromtimestamp(kept.expires_at, UTC).isoformat()
    return Channel(id=kept.channel_id, connect_uri=kept.uri, expires=expires)


def _ends(channel: Channel) -> float:
    try:
        return datetime.fromisoformat(channel.expires or "").timestamp()
    except ValueError:
        return 0.0


def _demand_long_life(seconds: float) -> None:
    if seconds < LEAST_TOKEN_SECONDS:
        raise NotTold(
            f"Access tokens of this OAuth client live for {seconds:.0f} s only, and a notification channel "
            "ends with its token. Set Token Duration to an hour or more, 86400 at best (Admin > OAuth).",
            word="token_too_short",
        )

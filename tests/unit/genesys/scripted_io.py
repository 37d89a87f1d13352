"""An `Io` whose platform is a table and whose clock jumps: the seam that flows are written against."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from micgate.genesys.errors import GenesysError, NotFound
from micgate.genesys.locate import Call
from micgate.genesys.messages import Headers, Kind, Request, Response
from micgate.genesys.models import Participant

ADA, CALL, LEG = "ada-id", "call-1", "leg-1"
PATCH = re.compile(
    r"/api/v2/conversations/calls/(?P<call>[^/]+)/participants/(?P<leg>[^/]+)(/user/(?P<user>.+))?$"
)

Answer = Callable[[Request], object]


def response(body: object = None, *, status: int = 200, elapsed: float = 0.02) -> Response:
    return Response(
        status=status,
        headers=Headers({"ININ-Correlation-Id": "corr-1"}),
        body=b"" if body is None else json.dumps(body).encode(),
        elapsed=elapsed,
    )


def agent_end(**members: object) -> dict[str, object]:
    return {
        "id": LEG,
        "name": "Ada Lovelace",
        "purpose": "agent",
        "state": "connected",
        "user": {"id": ADA},
        "muted": False,
        "held": False,
        "connectedTime": "2026-01-15T10:00:20.380Z",
        **members,
    }


def customer_end(**members: object) -> dict[str, object]:
    return {"id": "leg-c", "purpose": "customer", "state": "connected", "muted": False, **members}


def a_call(**members: object) -> Call:
    known = {
        "user_id": ADA,
        "agent_name": "Ada Lovelace",
        "muted": False,
        "state": "connected",
        "read_at": 100.0,
    }
    return Call(conversation_id=CALL, participant_id=LEG, **{**known, **members})


@dataclass
class ScriptedIo:
    """`answers` takes precedence, by a regular expression on "METHOD path"; the last one matching wins.

    An answer is a `Response`, a JSON body, an error to raise, or a callable of the request giving one.
    A mute that is not answered otherwise is accepted and applied `apply_after` seconds later; an event tells
    if `channel` is set.
    """

    ends: list[dict[str, object]] = field(default_factory=lambda: [customer_end(), agent_end()])
    answers: dict[str, object] = field(default_factory=dict)
    apply_after: float = 0.15
    channel: bool = False
    clock: float = 100.0
    sent: list[Request] = field(default_factory=list)
    due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    events: list[Participant] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        self.clock += 0.02
        self.settle()
        return self.answer(request)

    async def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.settle()

    def monotonic(self) -> float:
        return self.clock

    def now(self) -> float:
        return 1_700_000_000 + self.clock

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        until = self.clock + seconds
        while self.channel and not self.events and (self.due and self.due[0][0] <= until):
            self.clock = max(self.clock, self.due[0][0])
            self.settle()
        if self.channel and self.events:
            return self.events.pop(0)
        if self.channel:
            self.clock = until
        return None

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.due.append((self.clock + seconds, action))
        self.due.sort(key=lambda entry: entry[0])

    def settle(self) -> None:
        while self.due and self.due[0][0] <= self.clock:
            self.due.pop(0)[1]()

    def end(self, leg: str = LEG) -> dict[str, object]:
        return next(end for end in self.ends if end["id"] == leg)

    def set_muted(self, muted: bool, leg: str = LEG) -> None:
        self.end(leg)["muted"] = muted
        if self.channel:
            self.tell(muted=muted)

    def tell(self, *, muted: bool | None, state: str = "connected") -> None:
        """An event about the agent's end."""
        self.events.append(Participant(id=LEG, user_id=ADA, purpose="agent", state=state, muted=muted))

    def changes(self) -> list[str]:
        """What was sent that changes state, as "METHOD path body"."""
        return [f"{r.method} {r.path} {(r.body or b'').decode()}" for r in self.sent if r.kind is Kind.CHANGE]

    def reads(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.sent if r.kind is not Kind.CHANGE]

    def answer(self, request: Request) -> Response:
        scripted = [each for pattern, each in self.answers.items() if re.search(pattern, _line(request))]
        given = scripted[-1] if scripted else self.usual(request)
        while callable(given):
            given = given(request)
        if isinstance(given, GenesysError):
            raise given
        return given if isinstance(given, Response) else response(given)

    def usual(self, request: Request) -> object:
        patch = PATCH.match(request.path)
        if request.method == "PATCH" and patch:
            muted = json.loads(request.body)["muted"]
            self.later(self.apply_after, lambda: self.set_muted(muted, patch["leg"]))
            return response(status=202)
        if request.path == f"/api/v2/conversations/calls/{CALL}":
            return {"id": CALL, "participants": self.ends}
        return NotFound("Not found.", status=404)


def in_turn(*answers: object) -> Answer:
    """The first answer first; the last one for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def applied_then(error: GenesysError, io: ScriptedIo) -> Answer:
    """The platform does it, and the answer is lost."""

    def answer(request: Request) -> object:
        io.usual(request)
        return error

    return answer


def not_applied(_request: Request) -> Response:
    """202, and nothing happens."""
    return response(status=202)


def _line(request: Request) -> str:
    query = "&".join(f"{name}={value}" for name, value in request.query)
    return f"{request.method} {request.path}{'?' if query else ''}{query}"


@dataclass
class Notebook:
    """A witness that keeps what it is told, and checks the order."""

    lines: list[tuple[str, str, str | None]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    refuse: Exception | None = None

    def intended(self, command) -> None:
        if self.refuse:
            raise self.refuse
        assert not self.open, "a second command while one is neither answered nor given up"
        self.open.add(command.id)
        self.lines.append(("intended", command.action, command.strategy and command.strategy.value))

    def concluded(self, command, outcome) -> None:
        self.open.remove(command.id)
        self.lines.append(("concluded", outcome.kind, outcome.correlation_id))

    def kinds(self) -> list[str]:
        return [line[1] for line in self.lines if line[0] == "concluded"]


def ids() -> Callable[[], str]:
    numbers = iter(range(1, 1000))
    return lambda: f"command-{next(numbers)}"

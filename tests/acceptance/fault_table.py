"""The fault matrix as data: what a command does when the platform, or the way to it, fails at one step.

`test_fault_matrix.py` runs every row against real processes, `docs/generate.py` writes them into
`docs/faults.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Moment = Literal["at once", "mute sent", "muted", "un-mute sent", "insisting", "end"]

STATUSES = (400, 401, 403, 404, 409, 415, 429, 500, 503)
PATIENCE = 2
"""Seconds of MICGATE_TIMEOUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`once`: it lasts by itself, or a second one would. `ahead`: seconds by which the simulator's clock is
    moved first, so that the rate window is nearly over.
    """

    name: str
    kind: str
    members: Mapping[str, object] = field(default_factory=dict)
    once: bool = False
    ahead: float = 0.0

    @property
    def status(self) -> str:
        return self.name.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`says` and `remedy` are parts of what is told; `{status}` stands for the fault's. `microphone` is at
    the end, when no process of ours is left.
    """

    faults: tuple[str, ...]
    exit_code: int
    word: str
    says: str
    remedy: str = ""
    microphone: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`times`: so many requests in a row meet the fault; None: all between `begins` and `ends`.

    `floor` names the simulator: a step whose requests name no call has its own, and its cells take turns.
    """

    name: str
    title: str
    method: str
    path: str
    command: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    floor: str = "shared"
    knobs: Mapping[str, object] = field(default_factory=dict)
    begins: Moment = "at once"
    ends: Moment = "end"
    times: int | None = None
    kills_guardian: bool = False

    def outcome(self, fault: Fault) -> Outcome:
        (found,) = (each for each in self.outcomes if fault.name in each.faults)
        return found


def both(*statuses: int) -> tuple[str, ...]:
    """With the vendor's body and without any."""
    return tuple(f"{status}{body}" for status in statuses for body in ("", " empty"))


FAULTS = (
    *(Fault(name=f"{each}", kind="status", members={"status": each}) for each in STATUSES),
    *(
        Fault(
            name=f"{each} empty",
            kind="status",
            members={"status": each, "vendor_body": False},
            once=each == 429,
            ahead=56.0 if each == 429 else 0.0,
        )
        for each in STATUSES
    ),
    Fault(name="html", kind="html"),
    Fault(name="hang", kind="hang"),
    Fault(name="slow", kind="slow", members={"delay_ms": 300}),
    Fault(name="reset", kind="reset"),
    Fault(name="apply_then_reset", kind="apply_then_reset"),
    Fault(name="apply_then_status", kind="apply_then_status"),
    Fault(name="accept_then_forget", kind="accept_then_forget"),
    Fault(name="rate_storm", kind="rate_storm", members={"seconds": 4}, once=True),
    Fault(name="token_revoked", kind="token_revoked"),
)

_LIMITED = (*both(429), "rate_storm")
_CUT = ("reset", "apply_then_reset")
_ROLES = "Admin > People & Permissions > Roles/Permissions"
_WHO_ELSE = "find out who else uses this OAuth client"
_NEW_TOKEN = "An OAuth client gets a new one with the next command"
_NOT_GENESYS = "Check GENESYS_REGION, HTTPS_PROXY and NO_PROXY"
_CHECK_IDS = "check the ids and values given"
_LOOK_AGAIN = "Look again when Genesys Cloud answers"
_GIVEN_BACK = "Given back: the microphone of"
_CLIENT_PAGE = "Look at the client under Admin > Integrations > OAuth"


def _recovered(*faults: str) -> Outcome:
    return Outcome(faults=faults, exit_code=0, word="released", says=_GIVEN_BACK)


def _failed(*faults: str, word: str, says: str, remedy: str, exit_code: int = 1) -> Outcome:
    return Outcome(faults=faults, exit_code=exit_code, word=word, says=says, remedy=remedy)


_AWAY_WHILE_ASKING = (
    _failed(
        *both(500, 503), "apply_then_status",
        word="platform_failed", says="it was only asked, and nothing was changed", remedy="Try again",
    ),
    _failed("html", word="not_genesys", says='502 and a web page ("502 Bad Gateway")', remedy=_NOT_GENESYS),
    _failed(
        "hang", word="timed_out", says=f"did not answer within {PATIENCE} s. It only asked",
        remedy="MICGATE_TIMEOUT sets how long to wait",
    ),
    _failed(
        *_CUT, word="unreachable", says="was cut before the answer was complete. It only asked",
        remedy="micgate doctor looks at the way there",
    ),
)  # fmt: skip

_TOKEN = (
    _failed(
        "400", "404", "409", "415", *both(401, 403),
        word="bad_credentials", says="a token ({status}", remedy=_CLIENT_PAGE,
    ),
    _failed(
        "400 empty", "404 empty", "409 empty", "415 empty",
        word="not_genesys", says="answered with {status} and a body that is not the API's",
        remedy=_NOT_GENESYS,
    ),
    _failed("429", word="rate_limited", says="longer than what is left of the 2 s", remedy=_WHO_ELSE),
    _failed(
        "429 empty", "rate_storm",
        word="rate_limited", says="longer than the 2 s allowed", remedy=_WHO_ELSE,
    ),
    *_AWAY_WHILE_ASKING,
    _recovered("slow", "accept_then_forget", "token_revoked"),
)  # fmt: skip


def _asked(*own: Outcome) -> tuple[Outcome, ...]:
    """What every request that only asks comes to, but for `own`."""
    usual = (
        _failed(
            *both(400, 415), word="bad_request", says="answered {status}", remedy=_CHECK_IDS
        ),
        _failed(
            *both(401), "token_revoked", word="token_refused", says="answered 401", remedy=_NEW_TOKEN
        ),
        _failed(*both(404), word="not_found", says="answered 404", remedy="check them and GENESYS_REGION"),
        _failed(*both(409), word="conflict", says="answered 409", remedy="Look at the call's state"),
        _failed(
            "429", word="rate_limited", says="longer than what is left of the 2 s", remedy=_WHO_ELSE
        ),
        _failed(
            "429 empty", "rate_storm", word="rate_limited", says="longer than the 2 s allowed",
            remedy=_WHO_ELSE,
        ),
        *_AWAY_WHILE_ASKING,
        _recovered("slow", "accept_then_forget"),
    )  # fmt: skip
    taken = {fault for each in own for fault in each.faults}
    return (*(each for each in usual if not taken & set(each.faults)), *own)


_READ = (
    _failed(
        *both(403), word="not_a_party", says="answered 403", remedy="Admin > Integrations > OAuth"
    ),
    _failed(
        *both(404), word="no_live_call", says="There is no call", remedy="Check the id", exit_code=4
    ),
)  # fmt: skip

_REFUSED_CHANGE = (
    _failed(*both(400, 415), word="bad_request", says="answered {status}", remedy=_CHECK_IDS),
    _failed(*both(401), "token_revoked", word="token_refused", says="answered 401", remedy=_NEW_TOKEN),
    _failed(
        *both(403), word="not_a_party", says="answered 403", remedy="conversation:agentlessCall:add"
    ),
    _failed(*both(404), word="not_found", says="answered 404", remedy="Look the call up again"),
    _failed(*both(409), word="conflict", says="answered 409", remedy="only a connected end can be muted"),
    _failed(
        *_LIMITED, word="rate_limited", says="longer than this command may take", remedy="send less through"
    ),
)  # fmt: skip


def _unconfirmed(
    *faults: str, says: str, remedy: str = _LOOK_AGAIN, microphone: Literal["open", "closed"] = "open"
) -> Outcome:
    return Outcome(
        faults=faults,
        exit_code=3,
        word="unconfirmed",
        says=f"has not reported the microphone muted: {says}",
        remedy=remedy,
        microphone=microphone,
    )


_LOST_CHANGE = (
    _unconfirmed(*both(500, 503), says="Genesys Cloud answered {status}"),
    _unconfirmed("html", says="PATCH /conversations/calls/"),
    _unconfirmed("hang", says="127.0.0.1:"),
    _unconfirmed("reset", says="The connection to"),
    _unconfirmed(
        "accept_then_forget",
        says="it accepted the request and did nothing",
        remedy="use a token of the agent",
    ),
)

_CHANGE_WORKS = ("slow", "apply_then_reset", "apply_then_status")


def _unseen(microphone: Literal["open", "closed"]) -> tuple[Outcome, ...]:
    """The change was accepted; the reads that should show it fail."""
    asked = "Genesys Cloud answered {status}"
    return (
        _unconfirmed(*both(400, 415), says=asked, remedy=_CHECK_IDS, microphone=microphone),
        _unconfirmed(
            *both(401), "token_revoked", says="Genesys Cloud answered 401", remedy=_NEW_TOKEN,
            microphone=microphone,
        ),
        _unconfirmed(*both(403), says=asked, remedy="Admin > Integrations > OAuth", microphone=microphone),
        _unconfirmed(*both(404), says="There is no call", remedy="Check the id", microphone=microphone),
        _unconfirmed(*both(409), says=asked, remedy="Look at the call's state", microphone=microphone),
        _unconfirmed(
            *_LIMITED, *both(500, 503), "apply_then_status", says="Genesys Cloud answered",
            microphone=microphone,
        ),
        _unconfirmed("html", says="GET /conversations/calls/", microphone=microphone),
        _unconfirmed("hang", says="127.0.0.1:", microphone=microphone),
        _unconfirmed(*_CUT, says="The connection to", microphone=microphone),
    )  # fmt: skip


_INSISTED = (
    Outcome(
        faults=(*both(400, 401, 403, 404, 409, 415), "token_revoked"),
        exit_code=0, word="released", says="Genesys Cloud answered",
    ),
    Outcome(
        faults=_LIMITED, exit_code=0, word="released", says="Genesys Cloud asks to wait",
    ),
    Outcome(
        faults=both(500, 503), exit_code=0, word="released",
        says="has not reported the microphone un-muted: Genesys Cloud answered {status}",
    ),
    Outcome(
        faults=("html", "hang", "reset"), exit_code=0, word="released",
        says="has not reported the microphone un-muted",
    ),
    Outcome(
        faults=("accept_then_forget",), exit_code=0, word="released",
        says="it accepted the request and did nothing",
    ),
    _recovered(*_CHANGE_WORKS),
)  # fmt: skip

_INSISTED_UNSEEN = (
    Outcome(
        faults=(
            *both(*STATUSES), "html", "hang", *_CUT, "apply_then_status", "rate_storm", "token_revoked"
        ),
        exit_code=0, word="released", says="has not reported the microphone un-muted",
    ),
    _recovered("slow", "accept_then_forget"),
)  # fmt: skip


_MUTE = ("mute", "{agent}", "--for", "1s")
_LONGER = ("mute", "{agent}", "--for", "2s")
_SET = ("set", "{agent}", "--muted")
_CALL = "/api/v2/conversations(/calls)?/{conversation}"
_MICROPHONE = "/api/v2/conversations/calls/{conversation}/participants/.*"

STEPS = (
    Step(
        name="token", title="Find: the token (`POST /oauth/token`)",
        method="POST", path="/oauth/token", floor="token", command=_MUTE, outcomes=_TOKEN,
    ),
    Step(
        name="search", title="Find: the agent (`POST /users/search`)",
        method="POST", path="/api/v2/users/search", floor="search", command=_MUTE,
        outcomes=_asked(_recovered(*both(403))),
    ),
    Step(
        name="activity", title="Find: the call, by activity (`POST .../activity/query`)",
        method="POST", path="/api/v2/analytics/conversations/activity/query", floor="activity",
        knobs={"details_lag_s": 0}, command=_MUTE, outcomes=_asked(_recovered(*both(403))),
    ),
    Step(
        name="details", title="Find: the call, by details (`POST .../details/query`)",
        method="POST", path="/api/v2/analytics/conversations/details/query", floor="details",
        knobs={"details_lag_s": 0, "activity_entities": False}, command=_MUTE,
        outcomes=_asked(
            _failed(*both(403), word="forbidden", says="answered 403", remedy=_ROLES)
        ),
    ),
    Step(
        name="read", title="Find: the microphone (`GET .../calls/{id}`)",
        method="GET", path=_CALL, command=_MUTE, outcomes=_asked(*_READ),
    ),
    Step(
        name="mute", title='Mute (`PATCH ... {"muted": true}`), twice in a row',
        method="PATCH", path=_MICROPHONE, command=_MUTE, times=2,
        outcomes=(*_REFUSED_CHANGE, *_LOST_CHANGE, _recovered(*_CHANGE_WORKS)),
    ),
    Step(
        name="confirm", title="Confirm (the reads after it), until micgate gives up and un-mutes",
        method="GET", path=_CALL, command=_MUTE, begins="mute sent", ends="un-mute sent",
        outcomes=(*_unseen("open"), _recovered("slow", "accept_then_forget")),
    ),
    Step(
        name="release", title='Release (`PATCH ... {"muted": false}`), twice in a row',
        method="PATCH", path=_MICROPHONE, command=_LONGER, begins="muted", times=2, outcomes=_INSISTED,
    ),
    Step(
        name="release-reads", title="Release (the reads before and after it), until micgate insists",
        method="GET", path=_CALL, command=_LONGER, begins="muted", ends="insisting",
        outcomes=_INSISTED_UNSEEN,
    ),
    Step(
        name="set", title="`micgate set --muted`: the change, twice in a row",
        method="PATCH", path=_MICROPHONE, command=_SET, times=2,
        outcomes=(
            *_REFUSED_CHANGE,
            *_LOST_CHANGE,
            Outcome(
                faults=_CHANGE_WORKS, exit_code=0, word="changed", says="muted", microphone="closed"
            ),
        ),
    ),
    Step(
        name="set-confirm", title="`micgate set --muted`: the reads after it",
        method="GET", path=_CALL, command=_SET, begins="mute sent",
        outcomes=(
            *_unseen("closed"),
            Outcome(
                faults=("slow", "accept_then_forget"), exit_code=0, word="changed", says="muted",
                microphone="closed",
            ),
        ),
    ),
)  # fmt: skip
CELLS = tuple((step, fault) for step in STEPS for fault in FAULTS)

REFUSED_FOR_GOOD = Step(
    name="release-refused", title="Release, refused for good, and the guardian is killed",
    method="PATCH", path=_MICROPHONE, command=_LONGER, begins="muted", kills_guardian=True,
    outcomes=(
        Outcome(
            faults=("403",), exit_code=1, word="stuck",
            says="could not be given back: Genesys Cloud answered 403",
            remedy="A guardian goes on trying for a minute; after that: micgate unmute",
            microphone="closed",
        ),
    ),
)  # fmt: skip
FORBIDDEN = next(fault for fault in FAULTS if fault.name == "403")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What `micgate watch` shows when the agent's microphone changes under a fault of an event or a socket.

    `presses` are the agent's; the last is what has to be shown in the end. `gap`: it says that events may be
    missing. `bent`: so many events were touched. `afterwards`: something else happens on the call then.
    `silence`: seconds without a message until the socket is doubted; the command waits for 45.
    """

    fault: str
    shows: str
    members: Mapping[str, object] = field(default_factory=dict)
    presses: tuple[bool, ...] = (True,)
    gap: bool = False
    bent: int = 0
    afterwards: bool = False
    silence: float | None = None


_BACK_AND_FORTH = (True, False, True)
WATCHED = (
    Watched(
        fault="event_lost", presses=(True,), afterwards=True,
        shows="The change shows with the next event of the call, at the latest after a minute by a read.",
    ),
    Watched(
        fault="event_late", members={"delay_ms": 300}, bent=1,
        shows="The change shows when its event arrives.",
    ),
    Watched(
        fault="event_twice", members={"delay_ms": 100}, bent=2, shows="The change shows once.",
    ),
    Watched(
        fault="events_swapped", members={"delay_ms": 300}, presses=_BACK_AND_FORTH, bent=1,
        shows="The last state shows: an event that contradicts is checked by a read.",
    ),
    Watched(
        fault="event_stale", members={"delay_ms": 300}, presses=_BACK_AND_FORTH, bent=2,
        shows="The last state shows: an event that contradicts is checked by a read.",
    ),
    Watched(
        fault="socket_cut", gap=True,
        shows="A gap is told, the socket is opened anew, the calls are read.",
    ),
    Watched(
        fault="socket_silent", gap=True, silence=1.0,
        shows="After 45 s without any message the socket is asked, 15 s later it is given up: a gap is told.",
    ),
    Watched(fault="socket_closing", shows="Nothing: the next socket is open before the old one ends."),
    Watched(
        fault="channel_evicted", gap=True,
        shows="A gap is told, a new channel is made, the calls are read.",
    ),
    Watched(
        fault="token_revoked", gap=True,
        shows="A gap is told, token and channel are renewed, the calls are read.",
    ),
    Watched(
        fault="topic_refused",
        shows="The refused topics are told with what is missing; the other agents are watched.",
    ),
)  # fmt: skip

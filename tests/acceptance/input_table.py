"""What bad input gets, as data: the command, the exit code, the error's word, what is said and what to do.

`test_bad_input.py` runs every row, `docs/generate.py` writes them into `docs/faults.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MUTE = ("mute", "{email}")
SET = ("set", "{email}", "--muted")
NOBODY = "00000000-0000-4000-8000-000000000000"
_SPELLING = "such as 90s, 2m, 1m30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """`calls` are the agent's when the command starts, each as the simulator is asked for it; `people` are
    added to the organization. None in `environ` unsets a variable.
    """

    given: str
    exit_code: int
    word: str
    says: str
    remedy: str
    command: tuple[str, ...] = MUTE
    environ: Mapping[str, str | None] = field(default_factory=dict)
    calls: tuple[Mapping[str, str], ...] = ({},)
    people: tuple[tuple[str, str], ...] = ()


INPUTS = (
    Input(
        given="no credentials", environ={"GENESYS_CLIENT_SECRET": None},
        exit_code=2, word="missing_credentials", says="There are no credentials",
        remedy="Set GENESYS_CLIENT_SECRET",
    ),
    Input(
        given="a wrong secret", environ={"GENESYS_CLIENT_SECRET": "not-the-secret"},
        exit_code=1, word="bad_credentials", says="refused the secret of the OAuth client",
        remedy="Copy the secret from Admin > Integrations > OAuth",
    ),
    Input(
        given="an unknown client", environ={"GENESYS_CLIENT_ID": NOBODY},
        exit_code=1, word="bad_credentials", says="is not known at", remedy="Compare GENESYS_CLIENT_ID",
    ),
    Input(
        given="an access token that has ended", environ={"GENESYS_ACCESS_TOKEN": "not-a-token-any-more"},
        exit_code=1, word="token_refused", says="unknown, expired or revoked",
        remedy="GENESYS_ACCESS_TOKEN must be replaced",
    ),
    Input(
        given="a region that is none", environ={"GENESYS_REGION": "mypurecloud.ei"},
        exit_code=2, word="unknown_region", says="The nearest is eu_west_1 (mypurecloud.ie)",
        remedy="Set GENESYS_REGION",
    ),
    Input(
        given="a region that would send secrets in the clear",
        environ={"GENESYS_REGION": "http://example.com"},
        exit_code=2, word="unsafe_configuration", says="would be reached over plain http",
        remedy="Use https://",
    ),
    Input(
        given="a host where nothing listens", environ={"GENESYS_REGION": "http://127.0.0.1:1"},
        exit_code=1, word="unreachable", says="cannot be connected to", remedy="Check GENESYS_REGION",
    ),
    Input(
        given="an agent nobody knows", command=("mute", "zzzz@brightwater.example"),
        exit_code=1, word="unknown_agent", says="Nobody in this organization has the e-mail address",
        remedy="Check the spelling",
    ),
    Input(
        given="a user id nobody has", command=("mute", NOBODY),
        exit_code=1, word="unknown_agent", says="Nobody in this organization has the user id",
        remedy="give the e-mail address",
    ),
    Input(
        given="a name of two people", command=("mute", "Jo Twice"),
        people=(("Jo Twice", "jo@one.example"), ("Jo Twice", "jo@two.example")),
        exit_code=1, word="ambiguous_agent", says="2 people answer to 'Jo Twice': Jo Twice <jo@one.example>",
        remedy="Give the e-mail address",
    ),
    Input(
        given="no agent at all", command=("mute",),
        exit_code=2, word="usage", says="Which agent is not said", remedy="AGENT_USER_ID",
    ),
    Input(
        given="an agent without a call", calls=(),
        exit_code=4, word="no_live_call", says="has no live call",
        remedy="Try again when a call is connected",
    ),
    Input(
        given="an agent on a chat only", calls=({"media": "chat"},),
        exit_code=4, word="no_live_call", says="has no live call, only chat",
        remedy="Only voice calls have a microphone",
    ),
    Input(
        given="a call that rings", calls=({"state": "alerting"},),
        exit_code=4, word="not_connected", says="still ringing", remedy="Try again when it is answered",
    ),
    Input(
        given="a call that is being dialled", calls=({"state": "dialing", "direction": "outbound"},),
        exit_code=4, word="not_connected", says="still being dialled", remedy="Try again when",
    ),
    Input(
        given="an agent with two open calls", calls=({}, {}),
        exit_code=1, word="ambiguous_call", says="has 2 live calls", remedy="Say which: --conversation ID",
    ),
    Input(
        given="a call nobody knows", command=("mute", "{id}", "--conversation", NOBODY),
        exit_code=4, word="no_live_call", says="There is no call", remedy="Check the id",
    ),
    Input(
        given="the customer's end of a call",
        command=("set", "--muted", "--conversation", "{call}", "--participant", "{customer}"),
        exit_code=1, word="not_an_agent", says="is a customer, not an agent",
        remedy="Give the participant id of the agent",
    ),
    *(
        Input(
            given=f"`--for={length}`", command=(*MUTE, f"--for={length}"),
            exit_code=2, word="length_refused", says=says, remedy=remedy,
        )
        for length, says, remedy in (
            ("0", "A mute lasts at least 1 second", _SPELLING),
            ("-5s", "'-5s' is not a length", _SPELLING),
            ("16m", "over the ceiling of 15 min", "Ask for at most 15 min"),
            ("soon", "'soon' is not a length", _SPELLING),
            ("nan", "'nan' is not a length", _SPELLING),
        )
    ),
    Input(
        given="a reason that is not on the list", command=(*MUTE, "--reason", "because"),
        exit_code=2, word="reason_refused", says="not on the list", remedy="Give one of: supervisor",
    ),
    Input(
        given="a card number in the note", command=(*MUTE, "--note", "card 4111 1111 1111 1111"),
        exit_code=2, word="note_refused", says="The note holds a card number", remedy="Leave the number out",
    ),
    Input(
        given="`CONTROL_ACTION=true`", command=("set", "{email}"), environ={"CONTROL_ACTION": "true"},
        exit_code=2, word="setting_error", says="CONTROL_ACTION in the environment is 'true'",
        remedy="Use one of: mute, unmute",
    ),
    Input(
        given="`--timeout 0`", command=(*SET, "--timeout", "0"),
        exit_code=2, word="usage", says="Invalid value for '--timeout'", remedy="micgate set --help",
    ),
)  # fmt: skip

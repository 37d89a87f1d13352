"""From text to value. Each takes the text and where it came from, for the message when it is refused."""

import math
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote

import msgspec

from micgate.settings.errors import SettingError


def one_of(*choices: str) -> Callable[[str, str], str | None]:
    def parse(text: str, source: str) -> str | None:
        word = text.lower().replace("-", "_")
        if word and word not in choices:
            raise SettingError(f"{source} is {text!r}.", remedy=f"Use one of: {', '.join(choices)}.")
        return word or None

    return parse


def seconds(text: str, source: str) -> float:
    try:
        wait = float(text.removesuffix("s"))
    except ValueError:
        wait = math.nan
    if not 0 < wait <= _LONGEST_WAIT:
        raise SettingError(f"{source} is {text!r}.", remedy=f"Use seconds, up to {_LONGEST_WAIT}: 10 or 2.5.")
    return wait


_LONGEST_WAIT = 300


def count(text: str, source: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise SettingError(f"{source} is {text!r}.", remedy="Use a whole number.")
    return int(text)


def positive(text: str, source: str) -> int:
    number = count(text, source)
    if not number:
        raise SettingError(f"{source} is 0.", remedy="Use a whole number from 1 on.")
    return number


def channels(text: str, source: str) -> int:
    number = positive(text, source)
    if number > _CHANNELS:
        raise SettingError(f"{source} is {number}.", remedy=f"Genesys allows {_CHANNELS}: use fewer.")
    return number


_CHANNELS = 20


def yes_or_no(text: str, source: str) -> bool:
    word = text.lower()
    if word not in _ANSWERS:
        raise SettingError(f"{source} is {text!r}.", remedy="Use yes or no.")
    return _ANSWERS[word]


_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NEXT_HEADER = re.compile(rf"\n|[,;]\s+(?={_NAME}:\s)")
_HEADER = re.compile(rf"({_NAME})\s*:\s*([\x20-\x7e]*)")
_NEVER = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "host",
        "connection", "content-length", "content-type", "transfer-encoding",
    }
)  # fmt: skip


def headers(text: str, source: str) -> dict[str, str]:
    lines = _of_json(text, source) if text.startswith("{") else _NEXT_HEADER.split(text)
    return dict(_header(line, source) for line in lines if line.strip())


def _of_json(text: str, source: str) -> list[str]:
    try:
        named = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        raise SettingError(f"{source} is no JSON object of texts.", remedy=_HEADERS_HINT) from None
    return [f"{name}: {value}" for name, value in named.items()]


_HEADERS_HINT = 'Write one "Name: value" a line.'


def _header(line: str, source: str) -> tuple[str, str]:
    header = _HEADER.fullmatch(line.strip())
    if not header:
        raise SettingError(f"{source} has a line that is no header.", remedy=_HEADERS_HINT)
    if header[1].lower() in _NEVER:
        raise SettingError(
            f"{source} may not set {header[1]}.", remedy="micgate sets it itself: remove that line."
        )
    return header[1], header[2].strip()


def pairs(text: str, source: str) -> dict[str, str]:
    """Headers as OpenTelemetry writes them: name=value,name=value, percent-encoded."""
    if text.startswith("{"):
        return headers(text, source)
    lines = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in lines):
        raise SettingError(f"{source} is no list of headers.", remedy="Write name=value,name=value.")
    return {unquote(name.strip()).lower(): unquote(value.strip()) for name, _, value in lines}


def folder(text: str, _source: str) -> str:
    """A relative XDG path counts as unset, as the XDG base directory specification says."""
    path = Path(text)
    return str(path if path.is_absolute() else Path("~/.local/state").expanduser())


def absolute(text: str, _source: str) -> str | None:
    return text if Path(text).is_absolute() else None


def words(text: str, _source: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def addresses(text: str, source: str) -> tuple[str, ...]:
    """Of hosts and networks: a name would never be that of a peer."""
    given = words(text, source)
    for word in given:
        try:
            ip_network(word, strict=False)
        except ValueError:
            raise SettingError(
                f"{source} has {word!r}, which is no address.",
                remedy="Use addresses or networks with commas between: 10.0.0.5,10.1.0.0/16.",
            ) from None
    return given


def reasons(text: str, source: str) -> tuple[str, ...]:
    given = tuple(word.lower() for word in words(text, source))
    if not given or not all(re.fullmatch(r"[a-z0-9_-]{1,40}", word) for word in given):
        raise SettingError(f"{source} is {text!r}.", remedy="Use words with commas between: customer,drill.")
    return given


def port(text: str, source: str) -> int:
    number = count(text, source)
    if number > _LAST_PORT:
        raise SettingError(f"{source} is {text!r}.", remedy=f"Use a port up to {_LAST_PORT}.")
    return number


_LAST_PORT = 65535


def org(text: str, source: str) -> str:
    """It stands in the record, which takes single words only."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise SettingError(f"{source} is {text!r}.", remedy="Use one word of letters, digits, . _ and -.")
    return text

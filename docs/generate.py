"""Write the parts of the documents that come from the code: `make docs`. A test holds them fresh.

Such a part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec

DOCS = Path(__file__).resolve().parent
CONTRACT = DOCS.parent / "tests" / "data" / "contract.json"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings() -> str:
    from micgate.settings import SETTINGS

    rows = (
        (
            "<br>".join(f"`{name}`" for name in setting.names),
            f"`{setting.name}`",
            f"`{setting.default}`" if setting.default else "",
            setting.help + (" Or in a file: `" + setting.names[0] + "_FILE`." if setting.secret else ""),
        )
        for setting in SETTINGS
    )
    return table(("variable", "name", "default", "meaning"), rows)


def knobs() -> str:
    from micgate.twin.behaviour import Behaviour, descriptions

    told = descriptions()
    hints = get_type_hints(Behaviour)
    rows = (
        (f"`{name}`", f"`{spoken(default)}`", allowed(hints[name]), told[name])
        for name, default in msgspec.structs.asdict(Behaviour()).items()
    )
    return table(("knob", "default", "takes", "what it decides"), rows)


def webhook_events() -> str:
    """What a webhook can ask for, a line for each kind."""
    from micgate.audit.entry import actions

    kinds: dict[str, list[str]] = {}
    for action in actions():
        kinds.setdefault(action.partition(".")[0], []).append(f"`{action}`")
    return table(
        ("all of them", "one of them"), ((f"`{kind}.*`", ", ".join(of)) for kind, of in kinds.items())
    )


def problems() -> str:
    """What a program can meet, a line for each status."""
    from micgate.service.http.problems import OF_HTTP, STATUS

    words: dict[int, set[str]] = {status: {word} for status, word in OF_HTTP.items()}
    for word, status in STATUS.items():
        words.setdefault(status, set()).add(word)
    rows = (
        (f"`{status}`", ", ".join(f"`{word}`" for word in sorted(words[status]))) for status in sorted(words)
    )
    return table(("status", "word"), rows)


def operations() -> str:
    """The vendor's operations that the contract has, and whether the simulator answers them."""
    from micgate.twin.surface import ROUTES

    contract = msgspec.json.decode(CONTRACT.read_bytes())
    rows = (
        (f"`{method.upper()} {path}`", "yes" if ROUTES.find(method.upper(), path) else "no")
        for path, methods in contract["paths"].items()
        for method in methods
        if path != "/oauth/token"
    )
    return table(("operation", "answered"), rows)


def faults(part: str) -> str:
    """Tables that tests/acceptance runs row by row."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "acceptance"))
    import fault_page

    written: str = getattr(fault_page, part)()
    return written


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "knobs": knobs,
    "webhook_events": webhook_events,
    "operations": operations,
    "problems": problems,
    "fault_steps": lambda: faults("steps"),
    "fault_watch": lambda: faults("watch"),
    "bad_input": lambda: faults("inputs"),
}


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def spoken(value: object) -> str:
    return msgspec.json.encode(value).decode().strip('"')


def allowed(hint: object) -> str:
    choices = get_args(hint)
    if choices and not any(isinstance(one, type) for one in choices):
        return ", ".join(f"`{one}`" for one in choices)
    return {bool: "true, false", float: "a number", int: "a whole number"}.get(hint, "two numbers")  # type: ignore[call-overload]


def fresh(text: str) -> str:
    """The document with its generated parts written anew."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", text)


def main() -> int:
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        if (renewed := fresh(text)) != text:
            path.write_text(renewed, "utf-8")
            sys.stdout.write(f"{path.name} written\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

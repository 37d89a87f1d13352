"""The help texts, word for word: what people read first changes on purpose only.

After a change that is meant: python tests/cli/test_help.py
"""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from micgate.cli.main import cli

PINNED = Path(__file__).resolve().parents[1] / "data" / "help.txt"
COMMANDS = (
    *("", "demo", "twin", "mute", "unmute", "freeze", "unfreeze", "set"),
    *("why", "mutes", "budget", "agents", "watch", "audit", "audit list", "audit export", "audit verify"),
    *(
        "audit key",
        "audit erase",
        "audit expire",
        "serve",
        "service",
        "service install",
        "service uninstall",
        "keys",
        "keys add",
        "keys list",
        "keys rotate",
        "keys revoke",
    ),
    *("webhooks", "webhooks add", "webhooks list", "webhooks remove", "webhooks rotate", "webhooks test"),
    *("webhooks deliveries", "webhooks replay"),
    *("db", "db upgrade", "db backup", "db restore"),
    *("login", "logout", "settings", "doctor", "explain", "completion"),
)


def help_of(command):
    shown = io.StringIO()
    with redirect_stdout(shown), patch.dict(os.environ, {"COLUMNS": "80"}):
        cli.main([*command.split(), "--help"], prog_name="micgate", standalone_mode=False)
    return shown.getvalue()


def everything():
    return "\n".join(f"$ micgate {command}".rstrip() + f" --help\n{help_of(command)}" for command in COMMANDS)


def test_the_help_texts_are_as_they_were():
    assert everything() == PINNED.read_text(encoding="utf-8")


if __name__ == "__main__":
    PINNED.write_text(everything(), encoding="utf-8")

"""The help texts, word for word: what people read first changes on purpose only.

After a change that is meant: python tests/cli/test_help.py
"""

import os
import subprocess
import sys
from pathlib import Path

PINNED = Path(__file__).resolve().parents[1] / "data" / "help.txt"
COMMANDS = (
    *("", "demo", "twin", "mute", "unmute", "freeze", "unfreeze", "set"),
    *("why", "mutes", "agents", "watch", "audit", "audit list", "audit export", "audit verify"),
    *("serve", "keys", "keys add", "keys list", "keys rotate", "keys revoke"),
    *("db", "db upgrade", "db backup", "db restore"),
    *("login", "logout", "doctor", "explain", "completion"),
)


def help_of(command):
    environ = {"PATH": os.environ["PATH"], "COLUMNS": "80"}
    arguments = [sys.executable, "-m", "micgate", *command.split(), "--help"]
    return subprocess.run(
        arguments, check=True, capture_output=True, text=True, env=environ, timeout=30
    ).stdout


def everything():
    return "\n".join(f"$ micgate {command}".rstrip() + f" --help\n{help_of(command)}" for command in COMMANDS)


def test_the_help_texts_are_as_they_were():
    assert everything() == PINNED.read_text(encoding="utf-8")


if __name__ == "__main__":
    PINNED.write_text(everything(), encoding="utf-8")

"""`micgate` as a process of its own, with the settings somebody would have."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

END_SECONDS = 40


@dataclass(frozen=True)
class Shell:
    """Runs `micgate` as somebody with these settings would."""

    environ: dict[str, str]
    folder: Path

    def __call__(self, *arguments, **environ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "micgate", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._with(environ),
            timeout=60,
        )

    def json(self, *arguments, **environ):
        """The one object on stdout, and the exit code."""
        ended = self(*arguments, "--json", **environ)
        (row,) = ended.stdout.splitlines()
        return json.loads(row), ended.returncode

    def start(self, *arguments, prefix=(), **environ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "micgate", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._with(environ),
        )

    def _with(self, environ):
        return {name: value for name, value in (self.environ | environ).items() if value is not None}

    @property
    def state(self) -> Path:
        return self.folder / "micgate"

    def journal(self):
        path = self.state / "direct.jsonl"
        return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def ended(process: subprocess.Popen[str], number: signal.Signals | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, after a signal if one is given."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=END_SECONDS)
    return process.returncode, out, err

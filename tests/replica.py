"""`micgate serve` as somebody runs it: one replica or several, with the settings of one account."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from killable import Killable

START_SECONDS = 40
STOP_SECONDS = 10
"""A graceful stop takes no longer, whatever goes on: containers are killed then."""
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [a-z_.]+( [a-z_]+=(\"[^\"]*\"|\S+))*")
"""Of the service's log."""


class Replica(Killable):
    """One `micgate serve`. `told` is its first line: it serves from then on."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            super().__init__(
                subprocess.Popen(
                    [sys.executable, "-m", "micgate", "serve", "--json"],
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    text=True,
                )
            )
        self._told: dict[str, object] | None = None

    @property
    def told(self) -> dict[str, object]:
        """Blocks until it serves."""
        if self._told is None:
            line = self.process.stdout.readline()
            assert "url" in line, line + self.log.read_text()
            self._told = json.loads(line)
        return self._told

    @property
    def url(self) -> str:
        return str(self.told["url"])


class Serving:
    """Replicas of one service, and the commands of the same account."""

    def __init__(self, folder, twin, environ):
        self.folder = folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "GENESYS_REGION": twin.api_url,
            "GENESYS_CLIENT_ID": twin.client_id,
            "GENESYS_CLIENT_SECRET": twin.client_secret,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "MICGATE_PORT": "0",
            **environ,
        }
        (folder / "run").mkdir(exist_ok=True)
        self.replicas = []

    def begin(self, **environ):
        """A replica that may not serve yet."""
        self.replicas.append(Replica(self.environ | environ, self.folder / "log"))
        return self.replicas[-1]

    def start(self, **environ):
        """Its first line, once it serves."""
        return self.begin(**environ).told

    def stop(self, replica=None):
        return (replica or self.replicas[-1]).stop(seconds=STOP_SECONDS)

    def end(self):
        while self.replicas:
            replica = self.replicas.pop()
            try:
                if replica.lives:
                    replica.go_on()
                    self.stop(replica)
            finally:
                replica.end()

    def command(self, *arguments, **environ):
        return subprocess.run(
            [sys.executable, "-m", "micgate", *arguments],
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    @property
    def announced(self):
        return json.loads((self.folder / "run" / "micgate.json").read_text())

    def ask(self, method, path, body=None, *, key=None, **headers):
        told = self.announced
        sent = {"Authorization": f"Bearer {key or told['key']}", "Content-Type": "application/json"} | headers
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(told["url"] + path, data=data, method=method, headers=sent)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    @property
    def log(self):
        return (self.folder / "log").read_text()

    @property
    def ready(self):
        try:
            return self.ask("GET", "/readyz")["ready"]
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

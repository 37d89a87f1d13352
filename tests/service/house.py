"""`micgate serve` as a process, and commands of the same account beside it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

START_SECONDS = 40
STOP_SECONDS = 20


class Serving:
    """One `micgate serve`, and the commands of the same account."""

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
        self.processes = []

    def start(self):
        """Its first line, once it serves."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "micgate", "serve", "--json"],
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        line = process.stdout.readline()
        assert line, (self.folder / "log").read_text()
        return json.loads(line)

    def stop(self, process=None):
        process = process or self.processes[-1]
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            process.kill()

    def end(self):
        while self.processes:
            process = self.processes.pop()
            if process.poll() is None:
                self.stop(process)
            process.communicate()

    def command(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "micgate", *arguments],
            env=self.environ,
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
        except OSError:
            return False

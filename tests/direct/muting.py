"""A running foreground mute and the microphone it is about, as tests see them."""

import json
import queue
import threading
import time
from pathlib import Path

from micgate.direct.lock import is_free

SCRIPT = Path(__file__).with_name("command.py")


class Command:
    """One running command. `said` waits for a word of its progress."""

    def __init__(self, process, state):
        self.process = process
        self.state = state
        self.lines = []
        self._news = queue.SimpleQueue()
        threading.Thread(target=self._read).start()

    def _read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                self._news.put(json.loads(line))
        self._news.put(None)

    def said(self, word, *, seconds=40):
        while self._hear(seconds):
            if word in (self.lines[-1].get("word"), *self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"never said {word}: {self.lines}")

    def _hear(self, seconds):
        line = self._news.get(timeout=seconds)
        if line:
            self.lines.append(line)
        return line

    def words(self):
        return [line["word"] for line in self.lines if "word" in line]

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9; answers when, in seconds since 1970."""
        self.process.kill()
        at = time.time()
        self.process.wait()
        return at

    def wait(self, *, seconds=30):
        while self._hear(seconds):
            pass
        return self.process.wait(seconds)

    def guardian(self):
        """The process id of the child that watches this command."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(
            int(pid) for pid in children if "micgate.direct.guardian" in about_process(pid, "cmdline")
        )


def about_process(pid, name):
    """The argument list or the environment of a process, as one text."""
    return Path(f"/proc/{pid}/{name}").read_bytes().decode().replace("\0", " ")


class Microphone:
    """The first agent's microphone, as the simulator has it."""

    def __init__(self, twin, state, conversation):
        self.twin = twin
        self.state = state
        self.conversation = conversation

    @property
    def muted(self):
        return self.twin.leg(self.conversation)["muted"]

    def press(self, *, muted):
        self.twin.press_mute(self.conversation, muted=muted)

    def until(self, *, muted, seconds=20):
        self.twin.wait_until(lambda: self.muted is muted, seconds=seconds)

    def changes(self):
        """Every change of a microphone so far: (to, cause)."""
        return [
            (entry["to"], entry["cause"])
            for entry in self.twin.ledger(kind="change")
            if entry["field"] == "muted"
        ]

    def patches(self):
        """Every mute and un-mute on the wire: (muted, status, at)."""
        return [
            (entry["body"]["muted"], entry["status"], entry["at"]) for entry in self.twin.requests("PATCH")
        ]

    def is_nobodys(self):
        """Whether no command and no guardian has it any more."""
        agent = self.twin.agents[0].id
        return is_free(self.state, conversation_id=self.conversation["id"], user_id=agent)

    def until_nobodys(self, *, seconds=60):
        self.twin.wait_until(self.is_nobodys, seconds=seconds)

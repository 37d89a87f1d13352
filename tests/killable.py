"""A process that tests kill, stop and wake. Times are of this machine's clock."""

import signal
import time
from subprocess import Popen


class Killable:
    def __init__(self, process: Popen[str]) -> None:
        self.process = process

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> float:
        self.process.kill()
        self.process.wait()
        return time.time()

    def pause(self) -> float:
        self.process.send_signal(signal.SIGSTOP)
        return time.time()

    def go_on(self) -> float:
        self.process.send_signal(signal.SIGCONT)
        return time.time()

    def stop(self, *, seconds: float = 10) -> int:
        """As somebody would who wants it to end well. Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def end(self) -> None:
        """Whatever state it is in."""
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate()

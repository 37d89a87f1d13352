"""Signals as an exception, so that a release in `finally` runs whoever ends the command."""

import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(SystemExit):
    """A signal asked the command to end. Its code is 128 + the signal's number: 129, 130, 143.

    A `SystemExit`, because asyncio and click let that through; other exceptions they convert or swallow.
    """

    code: int

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


def heed(*, also_ignored: bool = False) -> None:
    """From now on the first SIGINT, SIGTERM or SIGHUP raises `Stopped`; later ones change nothing.

    A signal inherited as ignored (nohup, a background job of a script) stays ignored unless `also_ignored`: a
    mute must end with its terminal.
    """
    for number in _ENDING:
        if also_ignored or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def rest() -> None:
    """The command ends, or has its result and exit code: no signal changes that from now on.

    Ignored, not handled: when Python shuts down it gives handled signals their deadly default back.
    """
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    rest()
    raise Stopped(number)

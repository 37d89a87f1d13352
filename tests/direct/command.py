"""A command that mutes in the foreground, as a process of its own; it tells its progress as JSON.

The real command line is tested in tests/cli; this one has nothing but `mute_in_foreground`.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from micgate import settings
from micgate.cli import signals
from micgate.direct.foreground import mute_in_foreground
from micgate.direct.sync import SyncGenesys
from micgate.direct.wish import Wish


def say(**facts):
    print(json.dumps(facts), flush=True)  # noqa: T201 -- what the test reads


def told(progress):
    say(
        word=progress.word,
        muted=progress.call.muted,
        left=round(progress.seconds_left, 1),
        confirmed_ms=progress.result and progress.result.confirmed_ms,
        opening=progress.opening and progress.opening.why,
        error=progress.error and progress.error.word,
    )


def main(agent, length, state, options):
    signals.heed(also_ignored=True)
    wish = replace(Wish.checked(for_=length, **options), doubt_seconds=6.0)
    genesys = SyncGenesys.from_settings(settings.load())
    ended = mute_in_foreground(
        genesys, lambda: genesys.find_call(agent), wish, state_dir=Path(state), tell=told
    )
    say(ended=ended.word)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4], json.loads(sys.argv[4]))
    except Exception as error:  # noqa: BLE001 -- told to the test
        say(raised=type(error).__name__, text=str(error))
        sys.exit(1)

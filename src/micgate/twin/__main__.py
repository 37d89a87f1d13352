"""`python -m micgate.twin`: the simulator alone, with the options of `micgate twin`."""

import argparse
import sys
from collections.abc import Callable

from micgate.twin.app import serve
from micgate.twin.wishes import MOST_AGENTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m micgate.twin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_number(0, 65_535), default=8701, help="0 picks a free one")
    parser.add_argument("--agents", type=_number(0, MOST_AGENTS), default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quiet", action="store_true", help="no call comes by itself")
    parser.add_argument("--json", action="store_true", help="one JSON object on the first line")
    parser.add_argument("--ledger-limit", type=_number(1, 10_000_000), default=100_000)
    given = parser.parse_args()
    return serve(
        host=given.host,
        port=given.port,
        agents=given.agents,
        seed=given.seed,
        quiet=given.quiet,
        json_lines=given.json,
        ledger_limit=given.ledger_limit,
    )


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {least} to {most}")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main())

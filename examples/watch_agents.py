"""Print every change of the microphones of some agents: `python watch_agents.py ada@example.com ...`."""

import asyncio
import sys
from contextlib import suppress

import micgate


async def main(agents: list[str]) -> None:
    async with micgate.Genesys.from_env() as genesys, genesys.watch(agents) as watch:
        async for seen in watch:
            if seen.gap:
                print("events may be missing:", seen.reason, flush=True)
            for end in seen.conversation.participants if seen.conversation else ():
                if end.is_agent and end.live:
                    print(end.name, "muted" if end.muted else "open", seen.source, flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))

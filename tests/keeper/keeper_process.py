"""A keeper in a process of its own, for tests that kill it. Told everything in one line on stdin."""

import asyncio
import json
import signal
import sys
import time

from keeping import NoCipher, until

from micgate.direct.connect import Connection
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.keeper.wiring import genesys_keeper
from micgate.log import Log
from micgate.store.database import Database


class _Telling(Log):
    def write(self, event: str, **fields) -> None:
        super().write(event, **fields)
        if event == "keeper.took_over":
            say("took over")


def say(words: str) -> None:
    sys.stdout.write(f"{words} {time.time()}\n")
    sys.stdout.flush()


async def tell(keeper) -> None:
    await until(lambda: keeper.reign and keeper.reign.channels.up, seconds=600)
    say("listening")


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    database = await Database.open(told["conninfo"])
    keeper = genesys_keeper(
        org=told["org"],
        database=database,
        connection=Connection(
            region=find_region(told["api_url"]), credentials=ClientCredentials(*told["credentials"])
        ),
        users=told["users"],
        cipher=NoCipher(),
        log=_Telling(),
    )
    say("ready")
    keeping = asyncio.create_task(keeper.run())
    telling = asyncio.create_task(tell(keeper))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, keeping.cancel)
    await asyncio.gather(keeping, return_exceptions=True)
    telling.cancel()
    await database.close()


asyncio.run(main())

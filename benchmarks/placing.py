"""A client in a process of its own: places mutes at a steady rate, whatever the answers do.

`python -m benchmarks.placing` reads a plan from stdin (url, key, rate, wishes) and prints for each wish when
it was sent, when it was answered, the status and the mute's id.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp

CONNECTIONS = 64
PATIENCE = 30.0


async def run(plan: dict[str, Any]) -> list[list[Any]]:
    headers = {"Authorization": f"Bearer {plan['key']}"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as client:
        begun = time.monotonic()
        tasks = []
        for number, wish in enumerate(plan["wishes"]):
            await asyncio.sleep(max(0.0, begun + number / plan["rate"] - time.monotonic()))
            tasks.append(asyncio.create_task(placed(client, plan["url"], wish)))
        return list(await asyncio.gather(*tasks))


async def placed(client: aiohttp.ClientSession, url: str, wish: object) -> list[Any]:
    sent = time.time()
    try:
        async with client.post(f"{url}/v1/mutes", json=wish) as answer:
            body = await answer.json()
            return [sent, time.time(), answer.status, body.get("id")]
    except (aiohttp.ClientError, TimeoutError):
        return [sent, time.time(), 0, None]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.load(sys.stdin)))))

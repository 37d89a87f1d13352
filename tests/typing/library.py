"""Never run, only type-checked: how people use the library."""

from collections.abc import Sequence
from typing import assert_type

from micgate import AgentOnCall, Call, Ended, Genesys, Progress, Result, SyncGenesys, Unconfirmed, User


def blocking(agent: str) -> float | None:
    with SyncGenesys.from_env() as genesys:
        call = genesys.find_call(agent)
        assert_type(call, Call)
        assert_type(call.muted, bool | None)
        assert_type(genesys.find_user(agent), User)
        assert_type(genesys.agents_on_calls(), tuple[AgentOnCall, ...])
        try:
            result = genesys.set_muted(call, True)
        except Unconfirmed as unconfirmed:
            assert_type(unconfirmed.seen, bool | None)
            return None
        assert_type(result, Result)
        with genesys.mute(agent, for_="2m", reason="supervisor", on_change=recorder) as standing:
            assert_type(standing.result, Result | None)
        assert_type(standing.ended, Ended | None)
        return result.confirmed_ms


async def for_asyncio(agents: Sequence[str]) -> None:
    async with Genesys.from_env() as genesys:
        call = await genesys.find_call(agents[0])
        assert_type(await genesys.set_muted(call, True), Result)
        async with genesys.mute(call, for_=90, on_change=recorder):
            pass
        async with genesys.mute(agents[0], on_change=slow_recorder) as standing:
            assert_type(standing.ended, Ended | None)
        async with genesys.watch(agents) as watch:
            async for observation in watch:
                assert_type(observation.gap, bool)


def recorder(change: Progress) -> None:
    assert_type(change.call, Call)


async def slow_recorder(change: Progress) -> None:
    assert_type(change.result, Result | None)

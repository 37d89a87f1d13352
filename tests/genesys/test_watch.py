import asyncio
from contextlib import asynccontextmanager

import pytest

from micgate.genesys.channel import Watch
from micgate.genesys.models import Channel
from micgate.genesys.notifications import calls_topic

SECONDS = 30


class Seen:
    """Everything a watch said so far; `until` waits for something it should say."""

    def __init__(self, watch):
        self.watch = watch
        self.all = []

    async def until(self, wanted, *, seconds=SECONDS):
        """The first observation, from the beginning on, that is wanted."""
        position = 0
        async with asyncio.timeout(seconds):
            while True:
                if position == len(self.all):
                    self.all.append(await anext(self.watch))
                position += 1
                if wanted(self.all[position - 1]):
                    return self.all[position - 1]

    async def settle(self, seconds=1.0):
        """Take in what still comes."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.all.append(await anext(self.watch))
        except TimeoutError:
            return

    async def moved(self, channels, *, seconds=SECONDS):
        """Take in what comes until other channels than these are listened to."""
        async with asyncio.timeout(seconds):
            while self.watch.channels == channels:
                await self.settle(0.1)

    async def next(self, wanted, *, seconds=SECONDS):
        """The first observation from now on that is wanted."""
        del self.all[:]
        return await self.until(wanted, seconds=seconds)

    def gaps(self):
        return [each.reason for each in self.all if each.gap]


def shows(agent, **members):
    """Whether an observation shows this agent's end with these values."""

    def wanted(observation):
        ends = observation.conversation.ends_of(agent.id) if observation.conversation else ()
        return bool(ends) and all(getattr(ends[0], name) == value for name, value in members.items())

    return wanted


def is_gap(observation):
    return observation.gap


@pytest.fixture
def agent(twin):
    return twin.agents[0]


@pytest.fixture
def watching(session, agent):
    @asynccontextmanager
    async def _watching(topics=None, *, io=session, **options):
        async with Watch(io, topics or [calls_topic(agent.id)], check_every=0.2, **options) as watch:
            yield Seen(watch)

    return _watching


async def test_a_call_that_was_there_before_is_read(twin, agent, watching):
    twin.place_call()
    async with watching() as seen:
        observation = await seen.until(shows(agent, state="connected"))
    assert observation.source == "read"


async def test_a_mute_pressed_elsewhere_arrives_as_an_event(twin, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.press_mute(call, muted=True)
        observation = await seen.until(shows(agent, muted=True))
    assert observation.source == "event"
    assert seen.gaps() == []


async def test_a_mute_is_confirmed_by_its_event_without_a_read(twin, session, agent, watching, move):
    twin.turn(apply_ms=[50, 50])  # a read would come after a second
    twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        session.sight = seen.watch
        result = await move(session, agent)
    assert result.seen_by == "event"
    assert result.requests == 1


async def test_a_mute_applied_at_once_is_confirmed_by_its_event(twin, session, agent, watching, move):
    twin.turn(apply_ms=[0, 0])
    twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        session.sight = seen.watch
        result = await move(session, agent)
    assert result.seen_by == "event"


async def test_a_participant_nobody_watches_is_not_waited_for(twin, watching):
    call = twin.place_call(twin.agents[1].id)
    async with watching() as seen:
        leg = twin.leg(call, twin.agents[1].id)
        observed = await seen.watch.observed(conversation_id=call["id"], participant_id=leg["id"], seconds=60)
    assert observed is None


@pytest.mark.parametrize("kind", ["socket_cut", "channel_evicted"])
async def test_a_lost_line_is_said_and_made_up_for(twin, agent, watching, kind):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault("event_lost", times=1)
        twin.press_mute(call, muted=True)
        twin.fault(kind, times=1)
        await seen.until(is_gap)
        observation = await seen.until(shows(agent, muted=True))
        assert observation.source == "read"
        twin.press_mute(call, muted=False)
        await seen.next(shows(agent, muted=False))
        assert seen.watch.coverage.up


async def test_a_silent_socket_is_noticed(twin, agent, watching):
    twin.turn(heartbeat_s=0.1)
    call = twin.place_call()
    async with watching(silence=2.0) as seen:
        await seen.until(shows(agent, muted=False))
        await seen.settle(2.5)
        assert seen.gaps() == []
        twin.fault("socket_silent", times=1)
        twin.press_mute(call, muted=True)
        await seen.until(is_gap)
        await seen.until(shows(agent, muted=True))


async def test_a_closing_socket_is_replaced_without_a_gap(twin, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault("socket_closing", times=1)
        await seen.settle()
        for muted in (True, False, True):
            twin.press_mute(call, muted=muted)
            await seen.next(shows(agent, muted=muted))
        assert seen.gaps() == []
    assert len(twin.control("GET", "/state")["channels"]) == 1


async def test_a_revoked_token_costs_a_new_channel_and_a_gap(twin, session, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        first = seen.watch.channels
        twin.fault("token_revoked", times=1)
        await seen.until(is_gap)
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))
        assert seen.watch.channels != first


async def test_a_refused_topic_is_reported_and_the_rest_is_watched(twin, agent, watching):
    other = twin.agents[1]
    twin.fault("topic_refused", match={"topic": calls_topic(other.id)})
    call = twin.place_call()
    async with watching([calls_topic(other.id), calls_topic(agent.id)]) as seen:
        coverage = seen.watch.coverage
        assert [topic.id for topic in coverage.refused] == [calls_topic(other.id)]
        assert coverage.topics == 1
        await seen.until(shows(agent, muted=False))
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))


async def test_a_lost_event_is_found_by_a_read_while_somebody_waits(twin, session, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault("event_lost", times=1)
        leg = twin.leg(call)
        ends = {"conversation_id": call["id"], "participant_id": leg["id"]}
        assert await seen.watch.observed(**ends, seconds=0) is None
        twin.press_mute(call, muted=True)
        observed = await seen.watch.observed(**ends, seconds=10)
    assert observed is not None
    assert observed.muted is True


async def test_a_late_event_does_not_leave_a_wrong_value(twin, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault("event_late", times=1, delay_ms=400)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        await seen.settle(1.5)
        (known,) = seen.watch.calls()
    assert known.ends_of(agent.id)[0].muted is False


async def test_an_event_that_comes_twice_is_told_once(twin, agent, watching):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault("event_twice", times=1)
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))
        await seen.settle(1)
    assert len([each for each in seen.all if shows(agent, muted=True)(each)]) == 1


@pytest.mark.parametrize("kind", ["event_stale", "events_swapped"])
async def test_an_old_event_does_not_leave_a_wrong_value(twin, agent, watching, kind):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        twin.fault(kind, times=1, delay_ms=300)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        twin.press_mute(call, muted=True)
        await seen.settle(1.5)
        (known,) = seen.watch.calls()
    assert known.ends_of(agent.id)[0].muted is True


@pytest.mark.parametrize("kind", ["event_stale", "events_swapped", "event_late", "event_twice"])
async def test_an_ended_participant_is_never_shown_connected_again(twin, agent, watching, kind):
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, state="connected"))
        twin.fault(kind, times=5, delay_ms=500)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        twin.control("POST", f"/calls/{call['id']}/disconnect")
        await seen.until(shows(agent, ended=True))
        await seen.settle(1.5)
    states = [
        end.ended for each in seen.all if each.conversation for end in each.conversation.ends_of(agent.id)
    ]
    assert states == sorted(states)
    assert states[-1] is True


async def test_a_call_whose_end_was_lost_is_found_to_be_over(twin, agent, watching, monkeypatch):
    monkeypatch.setattr("micgate.genesys.channel._QUIET", 0.5)
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, state="connected"))
        twin.fault("event_lost", times=10)
        twin.control("POST", f"/calls/{call['id']}/disconnect")
        await seen.until(lambda each: each.conversation and each.conversation.ends_of(agent.id)[0].ended)


async def test_a_channel_given_is_used_and_its_former_listener_stops(twin, session, agent, watching):
    twin.place_call()
    async with watching() as first:
        await first.until(shows(agent, muted=False))
        channels = first.watch.channels
        async with watching(given=channels) as second:
            await second.until(shows(agent, muted=False))
            gap = await first.until(is_gap)
            assert gap.reason == "taken_over"
            await second.settle(1)
            assert second.gaps() == []
            assert second.watch.channels == channels
            assert not first.watch.coverage.up
    assert len(twin.control("GET", "/state")["channels"]) == 1


async def test_a_given_channel_that_is_gone_is_replaced(agent, twin, watching):
    twin.place_call()
    gone = Channel(id="streaming-0-gone", connect_uri=f"{twin.api_url.replace('http', 'ws')}/channels/gone")
    async with watching(given=[gone]) as seen:
        await seen.until(shows(agent, muted=False))
        await seen.settle(1)
        assert seen.watch.coverage.up


async def test_without_room_for_a_channel_it_polls_and_says_so(twin, agent, watching):
    call = twin.place_call()
    async with watching(max_channels=0) as seen:
        gap = await seen.until(is_gap)
        assert "no room" in gap.reason
        assert seen.watch.coverage.left_out == (calls_topic(agent.id),)
        await seen.until(shows(agent, muted=False))
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))
    assert twin.control("GET", "/state")["channels"] == []


async def test_a_channel_is_renewed_before_it_expires(twin, agent, watching):
    twin.turn(channel_life_s=1.5)
    call = twin.place_call()
    async with watching() as seen:
        await seen.until(shows(agent, muted=False))
        await seen.settle(2.5)
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))
    assert seen.gaps() == []
    assert len(twin.control("GET", "/state")["channels"]) == 1


async def test_a_renewed_token_moves_to_a_new_channel_without_a_gap(twin, connect, agent, watching):
    call = twin.place_call()
    session = connect()
    async with watching(io=session) as seen:
        await seen.until(shows(agent, muted=False))
        first = seen.watch.channels
        session._bearer._renew_at = 0.0
        await seen.moved(first)
        twin.press_mute(call, muted=True)
        await seen.until(shows(agent, muted=True))
    assert seen.gaps() == []


async def test_more_topics_than_one_channel_takes_are_spread(twin, agent, watching, monkeypatch):
    monkeypatch.setattr("micgate.genesys.channel.TOPICS_PER_CHANNEL", 5)
    call = twin.place_call(twin.agents[-1].id)
    async with watching([calls_topic(each.id) for each in twin.agents]) as seen:
        assert seen.watch.coverage.channels == 3
        await seen.until(shows(twin.agents[-1], muted=False))
        twin.press_mute(call, muted=True, agent=twin.agents[-1].id)
        await seen.until(shows(twin.agents[-1], muted=True))


async def test_the_address_of_a_channel_is_in_no_text(session, watching):
    async with watching() as seen:
        (channel,) = seen.watch.channels
        assert channel.connect_uri not in repr(channel)
        assert channel.id not in repr(channel)


def test_channels_kept_between_runs_are_used_again_and_by_one_process_at_a_time(tmp_path):
    from micgate.genesys.kept_channels import KeptChannels
    from micgate.genesys.models import Channel
    from micgate.genesys.oauth import ClientCredentials
    from micgate.genesys.regions import find_region

    def kept(client: str = "one") -> KeptChannels:
        credentials = ClientCredentials(client, "secret")
        return KeptChannels(tmp_path, purpose="watch", region=find_region(None), credentials=credentials)

    channel = Channel(id="streaming-1", connect_uri="wss://streaming.example/channels/streaming-1")
    with kept().borrowed() as ours, kept().borrowed() as theirs:
        assert (ours, theirs) == (True, False)
        kept().store((channel,))
    assert kept().load() == (channel,)
    assert kept("another").load() == ()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600] * 2

"""The stream's protocol: bytes in, events out."""

import pytest

from micgate.client.errors import KeyRefused, NotReached, NotTheService, Rejected
from micgate.client.messages import Answer, Request
from micgate.client.stream import Following, Sent

OPEN = Answer(status=200, headers={"content-type": "text/event-stream"}, body=b"")


@pytest.fixture
def following():
    following = Following(Request(method="GET", path="/v1/events"), patience=10.0)
    following.request()
    following.opened(OPEN)
    return following


def cut():
    return NotReached("Cut.", remedy="", sent=True)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=repr)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_the_same_however_they_are_cut(following, end, size):
    lines = (b"id: 5", b"event: changes", b"data: {", b"data: }", b"", b": beat", b"", b"data:x", b"", b"")
    data = end.join(lines) + b":\n"
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [sent for piece in pieces for sent in following.take(piece)] == [
        Sent("5", "changes", "{\n}"),
        Sent("5", "message", "x"),
    ]


def test_a_letter_cut_in_two_is_whole_again(following):
    data = "data: Löve\n\n".encode()
    assert [sent.data for at in data for sent in following.take(bytes([at]))] == ["Löve"]


def test_half_an_event_is_forgotten_with_its_connection(following):
    assert list(following.take(b"id: 4\ndata: ha")) == []
    following.lost(cut(), now=0.0, jitter=0.5)
    assert following.request().headers == {}
    following.opened(OPEN)
    assert [sent.data for sent in following.take(b"data: new\n\n")] == ["new"]


def test_waits_grow_while_it_is_away_and_begin_anew_with_an_event(following):
    waits = [following.lost(cut(), now=float(now), jitter=0.5) for now in range(3)]
    assert waits == sorted(waits)
    following.opened(OPEN)
    list(following.take(b"data: x\n\n"))
    assert following.lost(cut(), now=100.0, jitter=0.5) == waits[0]


def test_it_gives_up_when_it_stays_away(following):
    following.lost(cut(), now=0.0, jitter=0.5)
    with pytest.raises(NotReached):
        following.lost(cut(), now=10.0, jitter=0.5)


def test_it_waits_as_long_as_the_service_asks(following):
    list(following.take(b"retry: 3000\n\n"))
    assert following.lost(None, now=0.0, jitter=0.5) == 3.0


def test_a_refusal_is_no_cut(following):
    refusal = KeyRefused("No.", remedy="", word="unauthenticated", status=401)
    with pytest.raises(Rejected):
        following.lost(refusal, now=0.0, jitter=0.5)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, headers={"content-type": "text/html"}, body=b""),
        Answer(status=204, headers={}, body=b""),
    ],
)
def test_what_is_no_stream_is_not_the_service(following, answer):
    with pytest.raises(NotTheService):
        following.opened(answer)


def test_an_event_without_an_end_is_refused(following):
    with pytest.raises(NotTheService):
        for _ in range(10):
            list(following.take(b"x" * 8_000_000))

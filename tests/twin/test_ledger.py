"""What happened, in order."""

import msgspec
from worlds import call_of, quiet_world

from micgate.twin.ledger import Ledger


def filled(ledger, count):
    for number in range(count):
        ledger.event(at=float(number), topic=f"t{number}")
    return ledger


def test_after_a_number_come_only_later_entries():
    ledger = filled(Ledger(), 5)
    assert [entry.seq for entry in ledger.after(0)] == [1, 2, 3, 4, 5]
    assert [entry.seq for entry in ledger.after(3)] == [4, 5]
    assert ledger.after(5) == ledger.after(99) == []


def test_the_oldest_entries_go_first():
    ledger = Ledger(limit=10)
    for count in range(1, 36):
        filled(ledger, 1)
        assert [entry.seq for entry in ledger.after(0)] == list(range(max(1, count - 9), count + 1))
    assert [entry.seq for entry in ledger.after(30)] == [31, 32, 33, 34, 35]


def test_a_request_is_entered_before_its_answer():
    ledger = Ledger()
    entry = ledger.request(at=1.0, method="PATCH", path="/x", body={"muted": True}, correlation_id="r")
    assert ledger.after(0)[0].status is None
    entry.status = 202
    assert msgspec.to_builtins(ledger.after(0)[0]) == {
        "kind": "request",
        "seq": 1,
        "at": 1.0,
        "method": "PATCH",
        "path": "/x",
        "query": "",
        "status": 202,
        "client": None,
        "user": None,
        "body": {"muted": True},
        "correlation_id": "r",
    }


def test_a_change_names_leg_field_values_and_cause():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    world.telephony.press_mute(call.id, agent=world.agents[0].id, muted=True)
    entry = msgspec.to_builtins(world.ledger.after(0)[-1])
    assert entry == {
        "kind": "change",
        "seq": entry["seq"],
        "at": world.now,
        "conversation": call.id,
        "participant": leg.id,
        "user": world.agents[0].id,
        "field": "muted",
        "from": False,
        "to": True,
        "cause": "agent",
        "correlation_id": None,
    }

"""The comparison itself: planted books that it must find fault with, and honest ones that it must not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from kills.books import read_ledger, read_record
from kills.compare import Told, compare

NOON = 1_763_640_000.0
PLACE = ("call", "ada")


@dataclass
class Books:
    """Rows as simulator and service write them. Times are seconds after noon."""

    entries: list = field(default_factory=list)
    lines: list = field(default_factory=list)

    def request(self, at, *, muted, leg="leg", status=202, client="ours", call="call"):
        path = f"/api/v2/conversations/calls/{call}/participants/{leg}/user/ada"
        correlation_id = f"c-{len(self.entries)}"
        self._enter(
            at,
            kind="request",
            method="PATCH",
            path=path,
            client=client,
            body={"muted": muted},
            status=status,
            correlation_id=correlation_id,
        )
        return correlation_id

    def change(self, at, *, muted, cause="request", correlation_id=None):
        self._enter(
            at,
            kind="change",
            field="muted",
            conversation="call",
            participant="leg",
            user="ada",
            to=muted,
            cause=cause,
            correlation_id=correlation_id,
        )

    def event(self, at, *, fate=None):
        self._enter(at, kind="event", conversation="call", fate=fate)

    def press(self, at, *, muted):
        self.change(at, muted=muted, cause="agent")

    def intend(self, at, verb, *, command="k1", leg="leg"):
        call = {"fields": {"conversation_id": "call", "leg": leg}}
        private = {"call": call, "agent": {"fields": {"user_id": "ada"}}}
        self._write(at, "command.intended", {"verb": verb}, command_id=command, private=private)
        return command

    def conclude(self, at, kind, *, command="k1", correlation_id=None, late=False):
        action = "command.late" if late else "command.concluded"
        told = {"kind": kind} | ({"correlation_id": correlation_id} if correlation_id else {})
        self._write(at, action, told, command_id=command)

    def place(self, at, mute="m1"):
        private = {"call": {"fields": {"conversation_id": "call"}}, "agent": {"fields": {"user_id": "ada"}}}
        self._write(at, "mute.placed", {}, mute_id=mute, private=private)

    def end(self, at, mute="m1"):
        self._write(at, "mute.ended", {"ended_at": stamp(at)}, mute_id=mute)

    def carried_out(self, at, verb, *, command="k1", **more):
        """A command as it goes when nothing fails."""
        self.intend(at, verb, command=command)
        correlation_id = self.request(at + 0.01, muted=verb == "mute", **more)
        self.change(at + 0.02, muted=verb == "mute", correlation_id=correlation_id)
        self.event(at + 0.03)
        self.conclude(at + 0.04, "accepted", command=command, correlation_id=correlation_id)

    def findings(self, **told):
        return self.verdict(**told).findings

    def verdict(self, **told):
        ledger = read_ledger(self.entries, client="ours")
        return compare(ledger, read_record(self.lines), Told(**told))

    def _enter(self, at, **row):
        self.entries.append({"seq": len(self.entries) + 1, "at": NOON + at} | row)

    def _write(self, at, action, facts, *, private=None, **ids):
        record = {"at": stamp(at), "action": action, "facts": facts} | ids
        self.lines.append({"hash": "", "record": record} | ({"private": private} if private else {}))


def stamp(at):
    return datetime.fromtimestamp(NOON + at, UTC).isoformat()


@pytest.fixture
def books():
    return Books()


def only(findings):
    (finding,) = findings
    return finding.partition(":")[0]


def test_a_mute_and_its_release_are_in_order(books):
    books.place(0)
    books.carried_out(0, "mute", command="k1")
    books.end(2)
    books.carried_out(2, "open", command="k2")
    verdict = books.verdict(placed=frozenset({"m1"}))
    assert verdict.findings == []
    assert verdict.figures["requests"] == verdict.figures["intents"] == 2
    assert verdict.late == [pytest.approx(0.02, abs=0.001)]


def test_a_request_without_an_intent_is_found(books):
    books.request(0, muted=True)
    assert only(books.findings()) == "no intent"


def test_a_second_request_for_one_intent_is_found(books):
    books.carried_out(0, "mute")
    books.request(0.5, muted=True)
    assert only(books.findings()) == "no intent"


def test_a_second_request_for_an_unknown_outcome_is_found(books):
    books.intend(0, "mute")
    books.request(0.1, muted=True)
    books.request(0.2, muted=True)
    books.conclude(3, "unknown")
    assert only(books.findings()) == "no intent"


@pytest.mark.parametrize("requests", [0, 1])
def test_an_unknown_outcome_may_match_one_request_or_none(books, requests):
    books.intend(0, "mute")
    for _ in range(requests):
        books.request(0.1, muted=True)
    books.conclude(3, "unknown")
    verdict = books.verdict()
    assert verdict.findings == []
    assert verdict.figures["unknown matched"] == requests


def test_a_request_for_what_was_said_not_to_be_sent_is_found(books):
    books.intend(0, "mute")
    books.request(0.1, muted=True)
    books.conclude(0.2, "not_sent")
    assert only(books.findings()) == "no intent"


def test_a_request_to_the_other_side_is_not_explained_by_an_intent(books):
    books.intend(0, "mute")
    books.request(0.1, muted=False)
    books.conclude(3, "unknown")
    assert only(books.findings()) == "no intent"


def test_a_request_long_before_the_intent_is_not_explained_by_it(books):
    books.request(0, muted=True)
    books.intend(30, "mute")
    books.conclude(31, "unknown")
    assert only(books.findings()) == "no intent"


def test_requests_of_others_are_nobodys_business(books):
    books.request(0, muted=True, client="theirs")
    assert books.findings() == []


@pytest.mark.parametrize("correlation_id", [None, "c-9"])
def test_an_accepted_command_without_a_request_is_found(books, correlation_id):
    books.intend(0, "mute")
    books.conclude(0.1, "accepted", correlation_id=correlation_id)
    assert only(books.findings()) == "no request"


def test_an_answer_of_another_request_is_found(books):
    books.intend(0, "mute")
    answer = books.request(0.1, muted=False)
    books.conclude(0.2, "accepted", correlation_id=answer)
    assert "another's answer" in {one.partition(":")[0] for one in books.findings()}


@pytest.mark.parametrize("kinds", [(), ("accepted", "unknown")])
def test_an_intent_with_no_or_two_closing_words_is_found(books, kinds):
    books.intend(0, "mute")
    books.request(0.1, muted=True)
    for kind in kinds:
        books.conclude(0.2, kind)
    assert any("closing words" in one for one in books.findings())


def test_a_late_answer_tells_which_request_an_unknown_outcome_was(books):
    books.intend(0, "mute")
    answer = books.request(0.1, muted=True)
    books.conclude(3, "unknown")
    books.conclude(4, "accepted", correlation_id=answer, late=True)
    verdict = books.verdict()
    assert verdict.findings == []
    assert verdict.figures["late entries"] == 1


def test_an_accepted_mute_that_is_not_in_the_record_is_found(books):
    assert only(books.findings(placed=frozenset({"m1"}))) == "lost"


@pytest.mark.parametrize("ends", [0, 2])
def test_a_mute_that_did_not_end_once_is_found(books, ends):
    books.place(0)
    for _ in range(ends):
        books.end(2)
    assert only(books.findings(placed=frozenset({"m1"}))) == "lost"


def test_a_microphone_that_we_left_closed_is_found(books):
    books.carried_out(0, "mute")
    assert only(books.findings(closed=frozenset({PLACE}))) == "stuck"


def test_a_microphone_left_closed_on_purpose_is_listed_and_no_fault(books):
    books.carried_out(0, "mute")
    verdict = books.verdict(closed=frozenset({PLACE}), left_closed=frozenset({PLACE}))
    assert verdict.findings == []
    assert verdict.figures["left closed"] == 1


def test_a_microphone_that_its_agent_closed_is_not_stuck(books):
    books.press(0, muted=True)
    assert books.findings(closed=frozenset({PLACE})) == []


def opened_again(books, *, told_at=None, fate=None, mute_at=1.0):
    """The agent closes the microphone; we mute, which changes nothing, and open it."""
    books.press(0, muted=True)
    if told_at is not None:
        books.event(told_at, fate=fate)
    books.intend(mute_at, "mute", command="k1")
    answer = books.request(mute_at, muted=True)
    books.conclude(mute_at + 0.1, "accepted", command="k1", correlation_id=answer)
    books.carried_out(3, "open", command="k2")


def test_opening_what_the_agent_had_closed_is_found(books):
    opened_again(books, told_at=0.1)
    assert only(books.findings()) == "opened"


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"told_at": 0.1, "fate": "event_lost"},
        {"told_at": 0.1, "mute_at": 0.2},
        {"told_at": 1.5},
    ],
    ids=["never told", "lost", "told as the mute left", "told after the mute"],
)
def test_opening_what_nobody_told_us_of_is_no_fault(books, about):
    opened_again(books, **about)
    verdict = books.verdict()
    assert verdict.findings == []
    assert verdict.figures["opened unknowing"] == 1


def closed_by_both(books, *, shows_first, status=202):
    """Our mute and the agent's hand at once; later another mute, which changes nothing, and we open."""
    books.intend(0, "mute", command="k1")
    answer = books.request(0.01, muted=True, status=status)
    books.conclude(0.02, "accepted" if status == 202 else "refused", command="k1", correlation_id=answer)
    if shows_first:
        books.change(0.03, muted=True, correlation_id=answer)
        books.event(0.03)
        books.press(0.1, muted=False)
    books.press(0.2, muted=True)
    books.event(0.2)
    books.intend(1, "mute", command="k2")
    again = books.request(1, muted=True)
    books.conclude(1.1, "accepted", command="k2", correlation_id=again)
    books.carried_out(3, "open", command="k3")


def test_a_hand_that_was_faster_than_a_mute_on_its_way_passes_for_it(books):
    closed_by_both(books, shows_first=False)
    verdict = books.verdict()
    assert verdict.findings == []
    assert verdict.figures["opened unknowing"] == 1


@pytest.mark.parametrize("about", [{"shows_first": True}, {"shows_first": False, "status": 403}])
def test_a_hand_after_the_mute_has_shown_or_was_refused_is_the_agents(books, about):
    closed_by_both(books, **about)
    assert only(books.findings()) == "opened"


def test_opening_what_was_told_to_the_dead_is_no_fault(books):
    opened_again(books, told_at=0.1)
    assert books.findings(deaf=((NOON - 1, NOON + 1),)) == []


def released_late(books, **told):
    books.place(0)
    books.carried_out(0, "mute", command="k1")
    books.end(2)
    books.carried_out(9, "open", command="k2")
    return books.verdict(placed=frozenset({"m1"}), **told)


def test_a_late_release_is_found(books):
    assert only(released_late(books).findings) == "late"


def test_a_release_soon_after_an_outage_is_not_late(books):
    verdict = released_late(books, away=((NOON + 1.5, NOON + 6.0),))
    assert verdict.findings == []
    assert verdict.late == [pytest.approx(7.02, abs=0.001)]
    assert verdict.overdue == [pytest.approx(3.02, abs=0.001)]


def test_a_release_long_after_an_outage_is_found(books):
    assert only(released_late(books, away=((NOON + 1.5, NOON + 3.0),)).findings) == "late"


def test_an_outage_after_the_grace_is_no_excuse(books):
    assert only(released_late(books, away=((NOON + 8.0, NOON + 9.0),)).findings) == "late"

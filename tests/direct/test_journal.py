"""The journal, through its public door and on a real disk."""

import json
import os
import stat
import subprocess
import sys

import pytest

from micgate.direct.errors import JournalUnwritable
from micgate.direct.journal import About, Journal, JournalWitness
from micgate.genesys.flows import Command, Outcome

CONVERSATION, LEG, AGENT = "c-1", "p-1", "u-1"
FIELDS = {
    *("event", "conversation_id", "participant_id", "action", "phase", "latency_ms", "timestamp", "status"),
    *("actor", "reason", "correlation_id"),
}


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "state" / "micgate" / "direct.jsonl")


@pytest.fixture
def witness(journal):
    def make(command="mute", user_id=AGENT):
        about = About(command=command, user_id=user_id, agent="Ada", reason="drill", mute_id="m-1")
        return JournalWitness(journal, about)

    return make


def command(action="mute", leg=LEG, number=1):
    return Command(
        id=f"{action}-{number}", action=action, conversation_id=CONVERSATION, participant_id=leg, at=0.0
    )


ACCEPTED = Outcome(kind="accepted", status=202, correlation_id="x-1", http_ms=12.34)
REFUSED = Outcome(kind="refused", status=403)
UNKNOWN = Outcome(kind="unknown")


def lines(journal):
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def closed(witness, outcome=ACCEPTED, **facts):
    witness.intended(command(**facts))
    witness.concluded(command(**facts), outcome)


def seen(witness, phase, *, muted=False, leg=LEG):
    witness.noted(phase, muted=muted, conversation_id=CONVERSATION, participant_id=leg)


def test_each_change_has_a_line_before_the_request_and_one_after_it(journal, witness):
    closed(witness())
    before, after = lines(journal)
    assert set(before) >= FIELDS
    assert (before["event"], before["phase"], before["status"]) == ("mute.intended", "intended", None)
    assert (after["event"], after["status"], after["latency_ms"]) == ("mute.accepted", 202, 12.3)
    assert after["correlation_id"] == "x-1"
    assert after["actor"]
    assert after["timestamp"].endswith("Z")


def test_only_its_owner_can_read_it(journal, witness):
    closed(witness())
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_a_journal_that_others_could_read_is_closed_to_them(journal, witness):
    journal.path.parent.mkdir(parents=True)
    journal.path.touch(0o644)
    closed(witness())
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def unwritable(journal):
    journal.path.mkdir(parents=True)


def test_a_mute_that_cannot_be_written_is_refused_with_the_remedy(journal, witness):
    unwritable(journal)
    with pytest.raises(JournalUnwritable, match=r"nothing was muted.*XDG_STATE_HOME"):
        witness().intended(command())


def test_an_unmute_that_cannot_be_written_goes_all_the_same(journal, witness):
    unwritable(journal)
    writer = witness()
    writer.intended(command("unmute"))
    writer.concluded(command("unmute"), ACCEPTED)
    assert isinstance(journal.missed, JournalUnwritable)


def test_it_is_not_written_through_a_link(journal, witness, tmp_path):
    journal.path.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").touch()
    journal.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalUnwritable):
        witness().intended(command())
    assert not (tmp_path / "elsewhere").read_bytes()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_neither_waited_for_nor_read(journal, make):
    journal.path.parent.mkdir(parents=True)
    make(journal.path)
    assert journal.standing() == ()


def test_a_full_disk_refuses_the_mute(journal, witness):
    witness().intended(command())
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from micgate.direct.journal import *\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({journal.path.stat().st_size + 20},) * 2)\n"
        f"about, journal = About(command='mute'), Journal(Path({str(journal.path)!r}))\n"
        "try: journal.write(about, phase='intended', action='mute',"
        " conversation_id='c', participant_id='p')\n"
        "except JournalUnwritable: print('refused')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "refused\n"
    closed(witness(), number=2)
    assert [entry.command_id for entry in journal.entries()] == ["mute-1", "mute-2", "mute-2"]


@pytest.mark.parametrize(
    "torn", [b"\x00\xff garbage", b'{"event": "mute.inten', b"[]\n{}\n\n", b"\xff\n" * 3]
)
def test_a_torn_or_foreign_line_hides_no_other(journal, witness, torn):
    closed(witness())
    with journal.path.open("ab") as file:
        file.write(torn)
    seen(witness(), "released")
    assert [entry.phase for entry in journal.entries()] == ["intended", "accepted", "released"]
    assert journal.standing() == ()


def test_no_journal_means_nothing_stands(journal):
    assert journal.standing() == ()


def test_a_long_journal_is_read_whole(journal, witness):
    writer = witness()
    for number in range(700):
        closed(writer, number=number)
    assert journal.path.stat().st_size > 3 * 65536
    assert [entry.command_id for entry in journal.entries()][::2] == [f"mute-{n}" for n in range(700)]


def test_what_is_older_than_a_day_is_forgotten(journal, witness):
    closed(witness())
    text = journal.path.read_text()
    journal.path.write_text(text.replace(lines(journal)[0]["timestamp"][:4], "2020"))
    assert journal.standing() == ()


def test_a_mute_that_nobody_ended_stands_and_says_whose_microphone_it_is(journal, witness):
    closed(witness())
    (standing,) = journal.standing()
    assert (standing.conversation_id, standing.participant_id, standing.agent) == (CONVERSATION, LEG, "Ada")
    assert not standing.deliberate


def test_a_mute_that_found_it_closed_does_not_hide_who_closed_it(journal, witness):
    closed(witness())
    later = About(command="mute", user_id=AGENT, mute_id="m-2")
    seen(JournalWitness(journal, later), "kept", muted=True)
    assert len(journal.standing()) == 1


@pytest.mark.parametrize("phase", ["released", "kept", "overridden", "call_ended"])
def test_an_ended_mute_does_not_stand(journal, witness, phase):
    closed(witness())
    seen(witness(), phase)
    assert journal.standing() == ()


def test_a_refused_mute_does_not_stand_and_an_unknown_one_does(journal, witness):
    closed(witness(), REFUSED)
    assert journal.standing() == ()
    closed(witness(), UNKNOWN)
    assert journal.standing()


def test_a_refusal_does_not_hide_an_earlier_unknown_command(journal, witness):
    closed(witness(), UNKNOWN, number=1)
    closed(witness(), REFUSED, number=2)
    assert journal.standing()


def test_an_unmute_counts_when_it_is_confirmed(journal, witness):
    closed(witness())
    closed(witness("unmute"), action="unmute")
    assert journal.standing()
    seen(witness("unmute"), "confirmed")
    assert journal.standing() == ()


def test_what_was_left_closed_stands_on_purpose(journal, witness):
    closed(witness())
    seen(witness(), "left_closed")
    (standing,) = journal.standing()
    assert standing.deliberate


def test_what_set_closed_stands_on_purpose(journal, witness):
    closed(witness("set"))
    (standing,) = journal.standing()
    assert standing.deliberate
    assert journal.closed_here(conversation_id=CONVERSATION, participant_id=LEG)
    assert not journal.closed_here(conversation_id=CONVERSATION, participant_id="another leg")


def test_a_stuck_mute_stands(journal, witness):
    closed(witness())
    seen(witness(), "stuck")
    (standing,) = journal.standing()
    assert not standing.deliberate


def test_two_processes_never_mix_their_lines(journal):
    program = (
        "import sys; from pathlib import Path; from micgate.direct.journal import *\n"
        "journal, about = Journal(Path(sys.argv[1])), About(command='mute', note='x' * 150)\n"
        "for n in range(200): journal.write(about, phase='intended', action='mute',"
        " conversation_id=sys.argv[2], participant_id='p', command_id=str(n))\n"
    )
    argv = [sys.executable, "-c", program, os.fspath(journal.path)]
    running = [subprocess.Popen([*argv, name]) for name in ("a", "b")]
    assert [process.wait() for process in running] == [0, 0]
    entries = journal.entries()
    assert len(entries) == 400
    for name in ("a", "b"):
        mine = [entry.command_id for entry in entries if entry.conversation_id == name]
        assert mine == [str(n) for n in range(200)]

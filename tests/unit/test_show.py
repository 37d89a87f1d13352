"""What goes to stdout and stderr, and what never does."""

import io
import subprocess
import sys

import pytest

from micgate.cli import show


def python(program, **more):
    command = [sys.executable, "-c", f"from micgate.cli import show; {program}"]
    return subprocess.run(command, check=False, capture_output=True, timeout=30, **more)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (45, "45s"), (120, "2m"), (90.4, "1m30s"), (3600, "1h"), (-3, "0s")]
)
def test_a_span_is_written_as_people_write_it(seconds, text):
    assert show.span(seconds) == text


def test_control_characters_of_other_people_do_not_reach_the_terminal():
    assert show.line("Eve\x1b]0;owned\x07\r\nroot") == "Eve ]0;owned   root"


def test_json_is_utf8_on_one_line_whatever_the_locale():
    program = "show.Output(as_json=True).json({'name': 'Zo\\u00eb'})"
    shown = python(program, env={"PYTHONIOENCODING": "ascii"})
    assert shown.stdout == '{"name":"Zoë"}\n'.encode()


def test_a_name_that_the_terminal_cannot_show_is_escaped():
    shown = python("show.Output().say('Zo\\u00eb')", env={"PYTHONIOENCODING": "ascii"})
    assert shown.stdout == b"Zo\\xeb\n"
    assert not shown.stderr


def test_a_table_in_a_pipe_is_plain_columns_without_colours():
    shown = python("show.Output().table(['agent', 'mic'], [['Ada\\n', 'muted']])")
    assert shown.stdout == b"agent\tmic\nAda\tmuted\n"


def test_the_countdown_is_for_terminals_only():
    program = "out = show.Output(); out.countdown('3s'); out.note('done'); out.finish_countdown()"
    assert python(program).stderr == b"done\n"


def test_a_reader_that_leaves_ends_the_output_and_nothing_else():
    program = (
        "import os, sys; r, w = os.pipe(); os.dup2(w, 1); os.close(w); os.close(r);"
        "out = show.Output(); out.say('one'); out.say('two'); show.note(f'closed {out.closed}')"
    )
    shown = python(program)
    assert (shown.returncode, shown.stderr) == (0, b"closed True\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "shown",
    [
        ["Muting Ada Lovelace, reason customer, on", "call 0c5a."],
        ["  Check the spelling, or give the user", "  id."],
        ["  mute        confirmed, until 17:43:34,", "              by me"],
        ["https://login.example/" + "x" * 40],
    ],
)
def test_a_line_on_a_terminal_breaks_no_word(monkeypatch, shown):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    text = " ".join([shown[0], *(line.strip() for line in shown[1:])])
    assert show.folded(text, Terminal()).splitlines() == shown
    assert show.folded(text, io.StringIO()) == text

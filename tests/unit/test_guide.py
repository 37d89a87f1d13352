import io

import pytest

from micgate.demo.guide import Guide

LONG = "1 API request: PATCH /api/v2/conversations/calls/{id}/participants/{id}/user/{id}. It proves nothing."


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def said(monkeypatch):
    def _said(stdout):
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr("sys.stdout", stdout)
        guide = Guide(as_json=False)
        guide.fact(LONG)
        guide.check(LONG, holds=True)
        return stdout.getvalue().splitlines()

    return _said


def test_on_a_terminal_no_word_is_broken_at_its_edge(said):
    lines = said(Terminal())
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines).split() == f"{LONG} ✓ {LONG}".split()


def test_elsewhere_a_line_stays_one(said):
    assert [line.strip() for line in said(io.StringIO())] == [LONG, f"✓ {LONG}"]

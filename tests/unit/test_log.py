"""Log lines: one a line, fields instead of prose, no secrets."""

import io

import pytest

from micgate.log import SECRET_FIELDS, Log, entry


def log():
    stream = io.StringIO()
    return Log(stream=stream, now=lambda: 1_000_000_000.0), stream


def test_an_entry_is_time_event_and_fields():
    shown = entry("channel.gap", 1_000_000_000.0, {"seconds": 3.2, "topics": 12, "fresh": True, "none": None})
    assert shown == "2001-09-09T01:46:40Z channel.gap seconds=3.2 topics=12 fresh=true"


def test_an_entry_stays_one_line_whatever_a_field_holds():
    shown = entry("call.seen", 0.0, {"name": "Eve\nforged event=1\x1b[2J"})
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert shown.endswith('name="Eve forged event=1 [2J"')


def test_no_secret_field_is_written():
    writer, stream = log()
    writer.write("token.renewed", **dict.fromkeys(SECRET_FIELDS, "s3cr3t"))
    assert "s3cr3t" not in stream.getvalue()
    assert "refresh_token=***" in stream.getvalue()


def test_repeated_failures_are_written_once_and_then_the_recovery():
    writer, stream = log()
    for _ in range(3):
        writer.failed("channel.connect", host="h")
    writer.recovered("channel.connect")
    writer.recovered("channel.connect")
    assert [row.split()[1:] for row in stream.getvalue().splitlines()] == [
        ["channel.connect", "host=h"],
        ["channel.connect.recovered", "times=3"],
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("postgresql://name:s3cret@db/micgate is away", "db/micgate is away"),
        ("password=s3cret host=db", "host=db"),
        ("sent Authorization: Bearer s3cret-token", "sent Authorization"),
        ("key mg_0123456789_s3cret was refused", "was refused"),
        ("key mghost_s3cret was refused", "was refused"),
        ("secret whsec_s3cret+/= is old", "is old"),
        ("token eyJhbGciOi.eyJzM2NyZXQ.s3cret is old", "is old"),
        ("ada.s3cret@example.com is unknown", "is unknown"),
        ("sip:s3cret@example.com rang", "rang"),
        ("from +353 86 s3cret", "from"),
    ],
)
def test_secrets_are_taken_out_of_the_texts_of_others(text, kept):
    line = entry("somebody.said", 0.0, {"what": text.replace("86 s3cret", "(86) 123-4567")})
    assert "s3cret" not in line
    assert "4567" not in line
    assert kept in line


def test_ids_and_figures_stay():
    text = "conversation 01930000-0000-7000-8000-000000000000 after 1795263473350 ms at 2026-11-21T10:00:00Z"
    assert text in entry("somebody.said", 0.0, {"what": text})

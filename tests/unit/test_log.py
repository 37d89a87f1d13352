"""Log lines: one a line, fields instead of prose, no secrets."""

import io

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

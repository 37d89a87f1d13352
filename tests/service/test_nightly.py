"""The nightly dump, and what a restored service does with the microphones it finds."""

import time

import pytest

from micgate.service.duties import nightly
from micgate.service.duties.nightly import Nightly, night, too_many
from replica import START_SECONDS


def test_a_night_goes_from_three_to_three(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Dublin")
    time.tzset()
    try:
        assert night(at("2026-11-21 02:59")) == "2026-11-20"
        assert night(at("2026-11-21 03:00")) == night(at("2026-11-22 02:59")) == "2026-11-21"
    finally:
        monkeypatch.undo()
        time.tzset()


def at(text):
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


def test_only_our_own_oldest_dumps_may_go():
    names = [f"micgate-2026-11-{day:02}.dump" for day in (9, 3, 5)] + ["notes", "micgate-by-hand.dump"]
    assert too_many(names, keep=2) == ("micgate-2026-11-03.dump",)
    assert too_many(names, keep=5) == ()


def test_a_service_dumps_its_database_and_keeps_the_last_few(alone, twin):
    folder = alone.folder / "backups"
    folder.mkdir(mode=0o700)
    for name in ("micgate-2026-01-01.dump", "micgate-2026-01-02.dump", "other"):
        (folder / name).touch()
    alone.environ["MICGATE_BACKUP_KEEP"] = "2"
    alone.start()
    file = folder / f"micgate-{night(time.time())}.dump"
    twin.wait_until(lambda: "backup.written" in alone.log, seconds=START_SECONDS)
    left = ["micgate-2026-01-02.dump", file.name, "other"]
    twin.wait_until(lambda: sorted(one.name for one in folder.iterdir()) == left)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "backup" in [task["name"] for task in alone.ask("GET", "/readyz")["tasks"]]
    assert alone.stop() == 0
    done = alone.command("db", "restore", str(file), "--yes")
    assert done.returncode == 0, done.stderr


def test_a_dump_that_cannot_be_made_warns_and_is_made_later(embedded, tmp_path, capfd):
    made = Nightly(
        owner=embedded.conninfo("micgate_owner"),
        tools=embedded.cluster.binaries.folder,
        folder=tmp_path / "backups",
        keep=3,
        log=nightly.Log(),
    )
    made.folder.write_text("in the way")
    with pytest.raises(OSError):
        made.look()
    made.folder.unlink()
    made.look()
    made.look()
    assert len(list(made.folder.iterdir())) == 1
    assert capfd.readouterr().err.count("backup.written") == 1

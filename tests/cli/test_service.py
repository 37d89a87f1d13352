"""`micgate service`: the systemd unit, word for word, and who may overwrite it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shell import Shell

from micgate.service.unit import Unit

PINNED = Path(__file__).resolve().parents[1] / "data" / "micgate.service"


@pytest.fixture
def bare(tmp_path):
    return Shell({"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, tmp_path)


def wanted(**changes):
    return Unit(
        **{
            "command": "/opt/micgate/bin/python -P -m micgate serve",
            "environment": Path("/etc/micgate/environment"),
            "account": "micgate",
            "secret": Path("/etc/micgate/client_secret"),
        }
        | changes
    ).text()


def test_the_unit_is_as_it_was():
    assert wanted() == PINNED.read_text()


def test_a_users_unit_has_no_account_and_no_folders_of_the_machine():
    text = wanted(account=None, secret=None)
    for absent in ("User=", "StateDirectory", "LoadCredential", "ProtectSystem", "multi-user"):
        assert absent not in text
    for present in ("Restart=always", "NoNewPrivileges=yes", "WantedBy=default.target"):
        assert present in text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed here")
@pytest.mark.parametrize("account", ["root", None])
def test_systemd_understands_it(account, tmp_path):
    path = tmp_path / "micgate.service"
    path.write_text(wanted(command=f"{sys.executable} -P -m micgate serve", account=account))
    judged = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stderr) == (0, "")


def test_printing_changes_nothing_and_needs_no_systemd(bare):
    shown = bare("service", "install", "--print", "--secret-file", "/etc/s")
    assert shown.returncode == 0, shown.stderr
    assert f"ExecStart={sys.executable} -P -m micgate serve" in shown.stdout
    assert "LoadCredential=client_secret:/etc/s" in shown.stdout
    assert list(bare.folder.iterdir()) == []


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here")
@pytest.mark.parametrize("arguments", [("install",), ("install", "--user"), ("uninstall",)])
def test_without_systemd_it_refuses_and_says_what_to_do(arguments, bare):
    answer, code = bare.json("service", *arguments)
    assert (code, answer["word"]) == (1, "refused")
    assert answer["message"] == "No systemd runs here."
    assert list(bare.folder.iterdir()) == []


def test_installing_again_changes_nothing_and_other_options_replace_our_own(bare):
    place = bare.folder / "units"
    first, code = bare.json("service", "install", "--into", str(place))
    assert (code, first["done"]) == (0, "written")
    assert bare.json("service", "install", "--into", str(place))[0]["done"] == "as it was"
    other, code = bare.json("service", "install", "--into", str(place), "--account", "gate")
    assert (code, other["done"]) == (0, "written")
    assert "User=gate" in (place / "micgate.service").read_text()
    assert [one.name for one in place.iterdir()] == ["micgate.service"]


def test_a_unit_that_somebody_changed_is_left_alone_without_force(bare):
    place = bare.folder / "units"
    bare("service", "install", "--into", str(place))
    path = place / "micgate.service"
    path.write_text(path.read_text().replace("RestartSec=1", "RestartSec=9"))
    for verb in ("install", "uninstall"):
        answer, code = bare.json("service", verb, "--into", str(place))
        assert (code, answer["word"]) == (1, "refused")
        assert "RestartSec=9" in path.read_text()
    assert bare.json("service", "install", "--into", str(place), "--force")[1] == 0
    assert "RestartSec=1" in path.read_text()


def test_uninstalling_takes_our_own_away_and_twice_is_once(bare):
    place = bare.folder / "units"
    bare("service", "install", "--into", str(place))
    assert bare.json("service", "uninstall", "--into", str(place))[0]["done"] == "removed"
    answer, code = bare.json("service", "uninstall", "--into", str(place))
    assert (code, answer["done"]) == (0, "absent")


def test_a_relative_secret_is_a_matter_of_usage(bare):
    answer, code = bare.json("service", "install", "--print", "--secret-file", "secret")
    assert (code, answer["word"]) == (2, "usage")


@pytest.mark.parametrize("whose", [(), ("--user",)])
def test_a_secret_that_is_not_there_is_refused_and_nothing_written(bare, whose):
    place, secret = bare.folder / "units", bare.folder / "secret"
    install = ("service", "install", "--into", str(place), "--secret-file", str(secret), *whose)
    answer, code = bare.json(*install)
    assert (code, answer["word"]) == (2, "usage")
    assert str(secret) in answer["message"]
    assert not place.exists()
    secret.write_text("s")
    assert bare.json(*install)[1] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_secret_that_its_user_may_not_read_is_refused(bare):
    place, secret = bare.folder / "units", bare.folder / "secret"
    secret.touch(mode=0)
    answer, code = bare.json(
        "service", "install", "--user", "--into", str(place), "--secret-file", str(secret)
    )
    assert (code, answer["word"]) == (2, "usage")
    assert not place.exists()


if __name__ == "__main__":
    PINNED.write_text(wanted())

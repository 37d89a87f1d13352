"""`micgate settings`, and the options of `micgate serve` that are settings."""

import os
from pathlib import Path

import pytest
from shell import Shell

from micgate.settings import SETTINGS

SECRET = "s3cr3t-Value"


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    return Shell({"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, tmp_path)


def test_it_says_where_each_value_comes_from_and_masks_secrets(bare):
    (bare.folder / "micgate.toml").write_text("port = 8701\n")
    (bare.folder / ".env").write_text(f"GENESYS_CLIENT_SECRET={SECRET}\n")
    (bare.folder / ".env").chmod(0o600)
    shown, code = bare.json("settings", "--config", "micgate.toml", MICGATE_ORG="north")
    found = {one["name"]: (one["value"], one["from"]) for one in shown["settings"]}
    assert code == 0
    assert found["port"] == ("8701", "port in micgate.toml")
    assert found["org"] == ("north", "MICGATE_ORG in the environment")
    assert found["client_secret"] == ("***", "GENESYS_CLIENT_SECRET in .env")
    assert found["config"] == ("micgate.toml", "--config")
    assert found["host"] == ("127.0.0.1", "default")
    assert list(found) == [setting.name for setting in SETTINGS]


def test_a_table_of_settings_holds_no_secret_either(bare):
    shown = bare("settings", GENESYS_CLIENT_SECRET=SECRET)
    assert "client_secret\t***\tGENESYS_CLIENT_SECRET in the environment" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr


def test_every_setting_of_the_service_is_an_option_and_no_secret_is_an_argument(bare):
    shown = bare("serve", "--help", COLUMNS="200").stdout
    for setting in SETTINGS:
        assert (f"{setting.option} " in shown) == setting.serve, setting.name
        assert not setting.secret or setting.option.endswith("-file")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "99999"), "--port is '99999'"),
        (("--config", "nowhere.toml"), "no file nowhere.toml"),
        (("--client-secret-file", "nowhere"), "--client-secret-file names nowhere"),
        (("--prot", "1"), "No such option"),
    ],
)
def test_a_wrong_option_of_the_service_is_a_matter_of_usage(arguments, told, bare):
    ended = bare("serve", *arguments)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 2

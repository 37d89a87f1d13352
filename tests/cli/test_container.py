"""Dockerfile and compose file, as far as they can be checked without an engine: nothing is built here."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from micgate.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
KNOWN = {name for one in SETTINGS for name in one.names} | {
    f"{name}_FILE" for one in SETTINGS if one.secret for name in one.names
}
SECRETS = {name for one in SETTINGS if one.secret for name in one.names}


def instructions(word):
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(f"{word} ")]


def test_everything_that_is_copied_exists_and_is_let_in():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    for words in (shlex.split(copy) for copy in instructions("COPY")):
        if words[0].startswith("--from="):
            assert words[0] == "--from=build"
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored


def test_the_build_has_what_the_package_asks_for():
    wanted = {"pyproject.toml", "README.md", "LICENSE", "src"}
    assert wanted <= {source for copy in instructions("COPY") for source in shlex.split(copy)}
    extras = re.search(r"\.\[([\w,]+)\]", DOCKERFILE)[1].split(",")
    offered = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(extras) <= set(offered)


def test_it_runs_as_nobody_in_particular_and_no_secret_is_in_a_layer():
    assert instructions("USER") == ["micgate"]
    assert "--uid 10001" in DOCKERFILE
    named = {assignment.split("=")[0] for env in instructions("ENV") for assignment in shlex.split(env)}
    assert not named & SECRETS
    assert not instructions("ARG")
    assert {name for name in named if name.startswith(("MICGATE_", "GENESYS_"))} <= KNOWN


def test_the_entry_point_is_a_command_of_ours():
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    program = [*json.loads(entry), *json.loads(command)]
    assert program[0] == "micgate"
    shown = subprocess.run(
        [sys.executable, "-m", *program, "--help"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0
    assert "Run the HTTP API" in shown.stdout


@pytest.mark.parametrize("service", [name for name in COMPOSE["services"] if name != "database"])
def test_compose_sets_only_settings_that_exist_and_secrets_only_by_file(service):
    wanted = COMPOSE["services"][service]
    environment = wanted["environment"]
    assert set(environment) <= KNOWN
    assert not set(environment) & SECRETS
    for name, value in environment.items():
        if str(value).startswith("/run/secrets/"):
            assert value.removeprefix("/run/secrets/") in wanted["secrets"], name


def test_compose_names_only_what_it_declares():
    files = {name for one in COMPOSE["services"].values() for name in one["secrets"]}
    assert files == set(COMPOSE["secrets"])
    assert all(one["file"].startswith("./secrets/") for one in COMPOSE["secrets"].values())
    for one in COMPOSE["services"].values():
        for mount in one.get("volumes", ()):
            source = mount.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), mount
        assert set(one.get("depends_on", ())) <= set(COMPOSE["services"])
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_the_service_is_reached_from_outside_and_only_with_tls():
    ports = {name: one["ports"] for name, one in COMPOSE["services"].items() if "ports" in one}
    assert ports == {"micgate": ["8700:8700"]}
    assert {"MICGATE_TLS_CERT", "MICGATE_TLS_KEY"} <= set(COMPOSE["services"]["micgate"]["environment"])
    assert "listen_addresses=" in COMPOSE["services"]["database"]["command"]


def test_the_script_of_the_role_is_a_shell_script():
    script = ROOT / "deploy" / "application-role.sh"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0

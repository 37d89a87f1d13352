"""Completion as the shells ask for it: `micgate` is run with what was typed, and prints what fits.

bash is run for itself; zsh and fish are not on every machine, so their side of the protocol is spoken here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class

from micgate.audit.entry import actions
from micgate.cli.main import cli

SETTINGS = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/nonexistent"}
TYPED = {
    "micgate ser": {"serve", "service"},
    "micgate service ": {"install", "uninstall"},
    "micgate webhooks r": {"remove", "replay", "rotate"},
    "micgate webhooks add crm https://crm.example --event mute.e": {"mute.ended", "mute.extended"},
    "micgate keys add --scope audit": {"audit:read"},
    "micgate db ": {"backup", "restore", "upgrade"},
    "micgate audit e": {"erase", "expire", "export"},
    "micgate audit export --format ": {"jsonl", "csv"},
    "micgate mute ada --reason s": {"supervisor", "system"},
    "micgate budget --": {"--json", "--help"},
    "micgate settings --c": {"--config"},
    "micgate freeze --he": {"--here", "--help"},
}


def completed(**environ):
    """By the command, as a shell calls it."""
    done = subprocess.run(
        [sys.executable, "-m", "micgate"],
        capture_output=True, text=True, env=SETTINGS | environ, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def of_bash(typed):
    words = typed.split(" ")
    told = completed(
        _MICGATE_COMPLETE="bash_complete", COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1)
    )
    return {tuple(line.split(",", 1)) for line in told.splitlines()}


def of_zsh(typed):
    words = typed.split(" ")
    told = completed(_MICGATE_COMPLETE="zsh_complete", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    lines = told.splitlines()
    return set(zip(lines[::3], (value.replace("\\:", ":") for value in lines[1::3]), strict=True))


def of_fish(typed):
    told = completed(_MICGATE_COMPLETE="fish_complete", COMP_WORDS=typed, COMP_CWORD=typed.split(" ")[-1])
    lines = (line.split("\t")[0] for line in told.splitlines() if "," in line)
    return {tuple(line.split(",", 1)) for line in lines}


@pytest.mark.parametrize("ask", [of_bash, of_zsh, of_fish])
@pytest.mark.parametrize("typed", list(TYPED))
def test_what_fits_is_offered_to_every_shell(ask, typed):
    assert ask(typed) == {("plain", word) for word in TYPED[typed]}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize("typed", list(TYPED))
def test_bash_offers_it_after_sourcing_the_script(typed):
    words = " ".join(f"'{word}'" for word in typed.split(" "))
    done = subprocess.run(
        ["bash", "--norc", "-c", f"""
            source <(micgate completion bash)
            COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _micgate_completion micgate && printf '%s\\n' "${{COMPREPLY[@]}}"
        """],
        capture_output=True, text=True, env=SETTINGS, timeout=30,
    )  # fmt: skip
    assert done.stderr == ""
    assert set(done.stdout.split()) == TYPED[typed]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_a_script_that_was_printed_is_one_that_bash_can_read():
    script = subprocess.run(
        ["bash", "--norc", "-c", "source <(micgate completion bash) && complete -p micgate"],
        capture_output=True, text=True, env=SETTINGS, timeout=30,
    )  # fmt: skip
    assert script.stdout.strip() == "complete -o nosort -F _micgate_completion micgate"


def offered(*typed):
    """What is offered after these words, where `typed` ends with what is begun."""
    kind = get_completion_class("bash")
    shell = kind(cli, {}, "micgate", "_MICGATE_COMPLETE")
    return {(one.type, one.value) for one in shell.get_completions(list(typed[:-1]), typed[-1])}


def every_command(command=cli, *path):
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from every_command(command.get_command(click.Context(command), name), *path, name)


COMMANDS = dict(every_command())


@pytest.mark.parametrize("path", list(COMMANDS), ids=" ".join)
def test_every_command_is_offered_with_its_options(path):
    command = COMMANDS[path]
    if path:
        assert ("plain", path[-1]) in offered(*path[:-1], path[-1][:2])
    taken = {name for one in command.params if isinstance(one, click.Option) for name in one.opts}
    long = {("plain", name) for name in taken if name.startswith("--") and name != "--version"}
    assert long <= offered(*path, "--")


def values():
    """Each option that takes a value, with its command."""
    for path, command in COMMANDS.items():
        for one in command.params:
            if isinstance(one, click.Option) and not one.is_flag:
                yield pytest.param(path, one, id=" ".join((*path, one.opts[0])))


def expected(option):
    if isinstance(option.type, click.Choice):
        return {("plain", word) for word in option.type.choices}
    if option.metavar == "FILE":
        return {("file", "")}
    return None


@pytest.mark.parametrize(("path", "option"), list(values()))
def test_an_option_offers_its_words_or_files(path, option):
    wanted = expected(option)
    found = offered(*path, option.opts[0], "")
    assert wanted is None or found == wanted
    assert all(kind in {"plain", "file", "dir"} for kind, _ in found)


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        (("serve", "--config", "/etc/mic"), "file"),
        (("serve", "--client-secret-file", "sec"), "file"),
        (("serve", "--tls-cert", ""), "file"),
        (("serve", "--database-dir", "/var"), "dir"),
        (("serve", "--backup-dir", ""), "dir"),
        (("service", "install", "--secret-file", ""), "file"),
        (("service", "install", "--into", "/etc"), "dir"),
        (("db", "backup", "be"), "file"),
        (("db", "restore", ""), "file"),
        (("audit", "verify", "rec"), "file"),
        (("audit", "verify", "record.jsonl", "--key", ""), "file"),
    ],
    ids=lambda one: one if isinstance(one, str) else " ".join(one),
)
def test_a_name_of_a_file_is_left_to_the_shell(typed, kind):
    assert offered(*typed) == {(kind, typed[-1])}


def test_every_action_of_the_record_is_offered_for_a_webhook():
    assert offered("webhooks", "add", "--event", "") == {("plain", action) for action in actions()}

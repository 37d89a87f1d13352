"""`micgate audit verify`, as an auditor runs it: another process, the file, the public key, no network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from books import KEY, START, books

from micgate.audit import export, outside, signing

HONEST = books()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """What the auditor has: an export, the public key, and checkpoints that were kept elsewhere."""
    (tmp_path / "record.jsonl").write_bytes(b"".join(HONEST.export()))
    (tmp_path / "public.pem").write_bytes(KEY.public.pem())
    for checkpoint in HONEST.checkpoints:
        outside.append(tmp_path / "checkpoints.jsonl", checkpoint)
    return tmp_path


def verify(desk: Path, *options: str, file: str = "record.jsonl") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "micgate", "audit", "verify", file, "--key", "public.pem", *options]
    return subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)


def test_an_intact_record_is_exit_code_0(desk):
    done = verify(desk, "--checkpoints", "checkpoints.jsonl")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Intact: 12 records of acme (1 to 12), vouched for up to 10.\n")
    assert "off the machine vouches for the records up to 10" in done.stdout


def test_an_edit_is_exit_code_1_and_names_record_and_line(desk):
    file = desk / "record.jsonl"
    file.write_bytes(
        file.read_bytes().replace(
            b'"release_at":"2026-09-21T14:15:20', b'"release_at":"2026-09-21T14:15:29', 1
        )
    )
    done = verify(desk)

    assert done.returncode == 1
    assert done.stdout.startswith("ALTERED at record 1 (line 1): It does not fit its own hash.")


def test_what_an_insider_rebuilt_shows_against_the_outside_checkpoints_only(desk):
    forged = books()
    forged.edit(6, at=START)
    forged.rebuild()
    (desk / "record.jsonl").write_bytes(b"".join(forged.export()))

    assert verify(desk).returncode == 0
    done = verify(desk, "--checkpoints", "checkpoints.jsonl", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["word"]) == (1, False, "altered")
    assert (told["bad"]["seq"], told["bad"]["word"]) == (6, "witness")


def test_a_part_of_the_record_has_to_be_called_so(desk):
    (desk / "whole.jsonl").write_bytes(b"".join(HONEST.export(1, 6)))
    (desk / "part.jsonl").write_bytes(b"".join(HONEST.export(3, 6)))

    headless = verify(desk, file="part.jsonl")
    assert headless.returncode == 1
    assert "ALTERED at record 1: The file begins with record 3" in headless.stdout
    cut = verify(desk, "--checkpoints", "checkpoints.jsonl", file="whole.jsonl")
    part = verify(desk, "--checkpoints", "checkpoints.jsonl", "--part", file="part.jsonl")
    assert (cut.returncode, part.returncode) == (1, 0)
    assert "ALTERED at record 7" in cut.stdout


def test_a_record_that_nothing_vouches_for_is_exit_code_3(desk):
    (desk / "public.pem").write_bytes(signing.new().public.pem())
    done = verify(desk)

    assert done.returncode == 3
    assert KEY.id in done.stdout


def test_a_torn_line_among_the_checkpoints_is_a_warning(desk):
    with (desk / "checkpoints.jsonl").open("ab") as file:
        file.write(b'{"at":')
    done = verify(desk, "--checkpoints", "checkpoints.jsonl")

    assert done.returncode == 0
    assert done.stderr == "Warning: line 4 of checkpoints.jsonl is no checkpoint.\n"


@pytest.mark.parametrize("content", [b"", b"\x00\xff\n"], ids=["empty", "no text"])
def test_a_file_without_checkpoints_is_refused_as_such(desk, content):
    (desk / "mistaken.jsonl").write_bytes(content)
    done = verify(desk, "--checkpoints", "mistaken.jsonl")

    what, remedy = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert "mistaken.jsonl holds no checkpoint" in what
    assert "MICGATE_CHECKPOINT_PATH" in remedy


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (export.csv_header(), "JSON Lines"),
        (b"", "no record"),
    ],
)
def test_what_is_no_export_is_two_lines_without_a_traceback(desk, content, says):
    (desk / "record.jsonl").write_bytes(content)
    done = verify(desk)

    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_the_private_key_is_refused_as_a_public_one(desk):
    (desk / "public.pem").write_bytes(KEY.pem())
    done = verify(desk)

    assert done.returncode == 1
    assert "holds a private key" in done.stderr
    assert KEY.pem().splitlines()[1].decode() not in done.stderr


@pytest.mark.parametrize("arguments", [("--key", "no.pem"), ("--checkpoints", "no.jsonl")])
def test_a_file_that_is_not_there_is_a_usage_error(desk, arguments):
    assert verify(desk, *arguments).returncode == 2


def test_verifying_loads_neither_the_database_nor_the_network():
    heavy = {"psycopg", "asyncio", "aiohttp", "urllib3", "rich", "socket"}
    program = "import sys, micgate.cli.audit, micgate.audit.verify as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not heavy & set(loaded.stdout.split())

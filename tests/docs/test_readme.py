"""What the README shows is what a newcomer gets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MICGATE = Path(sys.executable).with_name("micgate")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shape(line: str) -> str:
    """Without the figures and ids, which differ from run to run."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"\bkey [0-9a-f]{10}\b", "key ID", line.strip()))


@pytest.mark.service
def test_the_recorded_run_is_what_the_demo_prints():
    said = subprocess.run([str(MICGATE), "demo", "--once"], capture_output=True, text=True, timeout=200)
    assert said.returncode == 0, said.stdout
    shown = {shape(line) for line in said.stdout.splitlines()}
    recorded = blocks("console")[0].splitlines()[1:]
    assert not [line for line in recorded if shape(line) not in shown | {"..."}]


def test_the_library_example_runs_on_the_simulator(twin):
    agent = twin.agents[0]
    twin.place_call(agent.id)
    program = blocks("python")[0].replace("katrin.albrecht@brightwater.example", agent.email)
    environment = {
        "PATH": "/usr/bin:/bin",
        "GENESYS_REGION": twin.api_url,
        "GENESYS_CLIENT_ID": twin.client_id,
        "GENESYS_CLIENT_SECRET": twin.client_secret,
    }
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60
    )
    assert re.fullmatch(r"silent after \d+ ms\n", ran.stdout), ran.stderr


def test_the_agent_of_the_tour_is_the_one_whose_call_lasts(start_twin):
    assert re.findall(r"(\w+ \w+)'s lasts until you end it", README) == [start_twin().agents[0].name]


@pytest.mark.service
@pytest.mark.xdist_group("served")
def test_the_tour_of_the_service_runs_as_it_is_written(serving, tmp_path):
    on = serving.on_call()
    script = "\n".join(block for block in blocks("sh") if "keys add" in block or "audit export" in block)
    script = script.replace("http://127.0.0.1:8700", serving.url).replace("Katrin Albrecht", on.agent.name)
    environment = serving.shell.environ | {"PATH": f"{MICGATE.parent}:/usr/bin:/bin"}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = [f"Muted: Genesys Cloud shows {on.agent.name} muted", "One mute stands", "Given back", "Intact"]
    assert not [words for words in said if words not in ran.stdout], ran.stdout


@pytest.mark.service
@pytest.mark.xdist_group("served")
def test_the_example_of_the_service_runs_too(serving):
    on, shell = serving.on_call(), serving.another("mute")
    program = blocks("python")[1].replace("katrin.albrecht@brightwater.example", on.agent.email)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=shell.environ, timeout=60
    )
    assert ran.stdout.startswith("confirmed until "), ran.stderr


@pytest.mark.parametrize("command", sorted(set(re.findall(r"micgate (\w+)", " ".join(blocks("sh"))))))
def test_every_command_of_the_tour_exists(command):
    helped = subprocess.run([str(MICGATE), command, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0, helped.stderr


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_options_of_the_tour_exist():
    text = " ".join(blocks("sh"))
    used = re.findall(r"micgate (\w+)([^\n#]*)", text)
    for command, rest in used:
        helped = subprocess.run([str(MICGATE), command, "--help"], capture_output=True, text=True).stdout
        assert not [option for option in re.findall(r"--[a-z-]+", rest) if option not in helped], command

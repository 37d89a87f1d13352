import json
import stat

import pytest

from micgate.doctor import report

AGENT, CALL = "35be9a55-0e5f-4c58-a52c-6a2e91f5b2d1", "79556352-51f0-4bd5-9d4b-0a7f4c1e2b3c"


def test_the_same_id_becomes_the_same_stand_in_everywhere():
    scrubber = report.Scrubber()
    assert scrubber.text(f"{AGENT} in {CALL}, {AGENT.upper()} again") == "<id-1> in <id-2>, <id-1> again"
    assert scrubber.everything({"agent": AGENT}) == {"agent": "<id-1>"}


def test_an_id_cut_short_is_still_the_same_id():
    text = f"PATCH /conversations/calls/{CALL[:8]}/participants/{AGENT[:8]}. It was {CALL}."
    assert (
        report.Scrubber().text(text)
        == "PATCH /conversations/calls/<id-1>/participants/<id-2>. It was <id-1>."
    )


@pytest.mark.parametrize(
    "private",
    [
        "ada@example.com",
        "ada.lovelace+x@mail.example.co.uk",
        "+49 (30) 1234-5678",
        "tel:+493012345678",
        "sip:ada@host.example",
        "15551234567",
        "10.1.2.3",
        "2001:db8:0:0:0:0:0:1",
        "https://gateway.internal.example/genesys",
        "wss://streaming.mypurecloud.ie/channels/abc",
        "7Yk2-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9",
        "Ada Lovelace",
        "ada lovelace",
        "Söldner GmbH & Co. (KG)",
    ],
)
def test_what_names_a_person_or_opens_a_door_is_gone(private):
    scrubbed = report.Scrubber(["Ada Lovelace", "Söldner GmbH & Co. (KG)"]).text(
        f"Seen: {private}, twice {private}."
    )
    assert private.lower() not in scrubbed.lower()
    assert "Seen: <" in scrubbed


@pytest.mark.parametrize(
    "useful",
    [
        "conversation:agentlessCall:add",
        "v2.users.<id-1>.conversations.calls",
        "2026-11-20T10:00:00.123Z",
        "2026-11-20",
        "403 missing.any.permissions",
        "mypurecloud.com.au",
        "PATCH accepted after 127 ms",
    ],
)
def test_what_helps_to_understand_stays(useful):
    assert report.Scrubber(["Ada"]).text(useful) == useful


def test_the_file_is_readable_by_its_owner_only_and_never_overwritten(tmp_path):
    path = tmp_path / "report.json"
    report.write(path, {"agent": AGENT, "count": 12345678901, "ok": True, "none": None}, names=[])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"agent": "<id-1>", "count": 12345678901, "ok": True, "none": None}
    with pytest.raises(FileExistsError):
        report.write(path, {}, names=[])

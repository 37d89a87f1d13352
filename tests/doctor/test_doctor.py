"""The checks as people run them: each error says in two lines what is wrong and where it is changed."""

import stat
import time

import pytest
from browser import access_token
from walls import lookalike, page, wall

from micgate.doctor.checks import CHECKS

WITHOUT_CREDENTIALS = {"GENESYS_CLIENT_ID": "", "GENESYS_CLIENT_SECRET": ""}


def test_it_finds_nothing_wrong_with_a_good_set_up(doctor, twin):
    twin.place_call()
    run = doctor()
    assert run.code == 0
    assert run.told["ok"] is True
    assert [each["check"] for each in run.told["checks"]] == ["settings", *(check.name for check in CHECKS)]
    assert {each["verdict"] for each in run.told["checks"]} <= {"ok", "skipped"}
    assert "One agent is on calls now" in run.says("look-up")


def test_it_prints_one_line_a_check_and_never_a_secret(micgate, twin, settings):
    run = micgate("doctor", **settings)
    assert run.code == 0
    assert len(run.out.splitlines()) == len(CHECKS) + 1
    assert twin.client_secret not in run.out + run.err
    assert "/channels/" not in run.out + run.err


def test_it_changes_nothing_on_the_platform(doctor, twin):
    twin.place_call()
    before = twin.ledger(kind="change")
    doctor()
    assert not twin.requests("PATCH")
    assert twin.ledger(kind="change") == before


def test_wrong_region_is_told_apart_from_a_wrong_secret(doctor, start_twin):
    elsewhere = start_twin("--quiet", "--seed", "990099")
    run = doctor(GENESYS_REGION=elsewhere.api_url)
    assert run.code == 1
    assert "is not known" in run.says("credentials")
    assert "another region" in run.says("credentials")
    assert "Integrations > OAuth" in run.says("credentials")
    assert "because the check of credentials did not pass" in run.says("look-up")


def test_a_mistyped_region_names_the_nearest(doctor):
    run = doctor(GENESYS_REGION="mypurecloud.ei")
    assert run.code == 1
    assert "mypurecloud.ie" in run.says("settings")
    assert "GENESYS_REGION" in run.says("settings")
    assert run.finding("host")["verdict"] == "skipped"


def test_missing_credentials_are_named(doctor):
    run = doctor(**WITHOUT_CREDENTIALS)
    assert run.code == 1
    assert "GENESYS_CLIENT_SECRET" in run.says("settings")


def test_nobody_listening_is_told(doctor):
    run = doctor(GENESYS_REGION="http://127.0.0.1:1")
    assert run.code == 1
    assert run.finding("host")["facts"]["word"] == "unreachable"
    assert run.finding("credentials")["verdict"] == "skipped"


def test_wrong_secret_names_the_page_to_copy_it_from(doctor):
    run = doctor(GENESYS_CLIENT_SECRET="wrong-one")
    assert run.code == 1
    assert "refused the secret" in run.says("credentials")
    assert "Integrations > OAuth > the client" in run.says("credentials")
    assert "wrong-one" not in run.out + run.err


def test_a_client_without_a_role_is_told_which_role_it_needs(doctor, client):
    run = doctor(**client(permissions=[]))
    assert run.code == 1
    assert "fail" in run.says("permissions")
    assert "Roles" in run.says("permissions")
    assert "conversation:agentlessCall:add" in run.finding("permissions")["facts"]["missing"]
    assert run.finding("look-up")["verdict"] == "fail"


def test_a_role_that_lacks_a_lesser_permission_is_a_warning(doctor, client):
    run = doctor(**client(permissions=REQUIRED_BUT("routing:queue:view")))
    assert run.code == 0
    assert run.says("permissions").startswith("warn: routing:queue:view is missing")
    assert "five minutes" in run.says("permissions")


@pytest.mark.parametrize("vital", ["conversation:agentlessCall:add", "conversation:communication:view"])
def test_a_role_that_lacks_a_vital_permission_fails(doctor, client, vital):
    run = doctor(**client(permissions=REQUIRED_BUT(vital)))
    assert run.code == 1
    assert run.says("permissions").startswith(f"fail: {vital} is missing")


def test_the_printed_role_is_enough_for_everything(doctor, client, twin):
    twin.place_call()
    run = doctor("--probe", twin.agents[0].email, **client(permissions=REQUIRED_BUT()))
    assert run.code == 0
    assert {each["verdict"] for each in run.told["checks"]} <= {"ok", "skipped"}


def REQUIRED_BUT(*names: str) -> list[str]:  # noqa: N802 -- reads as the constant it stands for
    from micgate.doctor.role import REQUIRED

    return [need.name for need in REQUIRED if need.name not in names]


def test_an_agent_without_a_live_call_is_a_warning(doctor, twin):
    run = doctor(AGENT_USER_ID=twin.agents[0].id)
    assert run.code == 0
    assert run.says("look-up").startswith("warn")
    assert "no live call" in run.says("look-up")


def test_an_agent_on_a_call_is_found(doctor, twin):
    twin.place_call()
    run = doctor(AGENT_USER_ID=twin.agents[0].email)
    assert "is on a call; the microphone is open" in run.says("look-up")


def test_a_persons_token_without_the_scope_names_the_scope(doctor, twin):
    made = twin.control(
        "POST", "/clients", {"grant": "pkce", "scopes": ["user-basic-info", "users:readonly"]}
    )
    person = twin.agents[0]
    bearer = access_token(twin, client_id=made["id"], email=person.email, password=person.password)
    run = doctor(**WITHOUT_CREDENTIALS, GENESYS_ACCESS_TOKEN=bearer)
    assert run.code == 1
    assert run.finding("grant")["facts"]["user"] is True
    assert "The scope conversations is missing" in run.says("scopes")
    assert "OAuth > the client > Scope" in run.says("scopes")
    assert "Authorized Applications" in run.says("scopes")
    assert run.finding("look-up")["facts"]["word"] == "missing_scope"
    assert bearer not in run.out + run.err


def test_a_persons_token_with_every_scope_is_fine(doctor, twin):
    person = twin.agents[0]
    bearer = access_token(twin, client_id=twin.public_client_id, email=person.email, password=person.password)
    twin.place_call()
    run = doctor(**WITHOUT_CREDENTIALS, GENESYS_ACCESS_TOKEN=bearer)
    assert run.code == 0
    assert run.finding("scopes")["verdict"] == "ok"
    assert run.finding("permissions")["verdict"] == "ok"
    assert "1 now" in run.says("look-up")
    assert run.finding("topics")["verdict"] == "ok"


def test_a_captive_portal_is_recognized_by_its_page(doctor):
    with wall(page("Welcome to Hotel Wi-Fi")) as port:
        run = doctor(GENESYS_REGION=f"http://127.0.0.1:{port}")
    assert run.code == 1
    assert "Welcome to Hotel Wi-Fi" in run.says("host")
    assert "HTTPS_PROXY" in run.says("host")


def test_a_proxy_that_wants_a_password_is_told_without_showing_it(doctor):
    with wall(page("Proxy", 407)) as port:
        proxy = f"http://joe:s3cret@127.0.0.1:{port}"
        run = doctor(GENESYS_REGION="mypurecloud.ie", HTTPS_PROXY=proxy)
    assert run.code == 1
    assert "407" in run.says("host")
    assert "s3cret" not in run.out + run.err


def test_a_proxy_that_refuses_the_host_is_told_to_be_opened(doctor):
    with wall(page("Blocked by policy", 403)) as port:
        run = doctor(GENESYS_REGION="mypurecloud.ie", HTTPS_PROXY=f"http://127.0.0.1:{port}")
    assert run.code == 1
    assert "refused the way to api.mypurecloud.ie" in run.says("host")


def test_another_service_is_not_taken_for_genesys(doctor):
    with wall(lambda _method, _path: (200, {"Content-Type": "application/json"}, b'{"hello": 1}')) as port:
        run = doctor(GENESYS_REGION=f"http://127.0.0.1:{port}")
    assert run.code == 1
    assert "not as Genesys Cloud does" in run.says("host")


@pytest.mark.parametrize(
    ("offset", "verdict", "word"),
    [(5, "ok", "agrees"), (90, "warn", "behind"), (-90, "warn", "ahead"), (900, "fail", "behind")],
)
def test_a_clock_that_is_off_is_noticed(doctor, offset, verdict, word):
    with wall(lookalike(clock_offset=offset, now=time.time)) as port:
        run = doctor(GENESYS_REGION=f"http://127.0.0.1:{port}")
    assert run.says("clock").startswith(verdict)
    assert word in run.says("clock")


def test_it_uses_its_channel_again(doctor, twin, tmp_path):
    doctor()
    doctor()
    (kept,) = (tmp_path / "state" / "micgate").glob("doctor-channels-*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    made = [entry for entry in twin.requests("POST") if entry["path"].endswith("/notifications/channels")]
    assert len(made) == 1


def test_it_opens_no_channel_when_eighteen_exist(doctor, twin, bearer):
    for _ in range(18):
        bearer("POST", "/api/v2/notifications/channels")
    run = doctor()
    made = [entry for entry in twin.requests("POST") if entry["path"].endswith("/notifications/channels")]
    assert len(made) == 18
    assert run.code == 0
    assert run.says("channel").startswith("warn: 18 of 20 channels exist")
    assert run.finding("topics")["verdict"] == "skipped"


def test_a_silent_socket_is_a_failure(doctor, twin):
    twin.fault("socket_silent")
    run = doctor()
    assert run.code == 1
    assert "nothing came over it" in run.says("channel")


def test_refused_topics_are_listed_with_their_permissions(doctor, client):
    run = doctor(**client(permissions=REQUIRED_BUT("routing:queue:view", "conversation:communication:view")))
    assert run.says("topics").startswith("warn: Refused: v2.users.{id}.conversations")
    assert "conversation:communication:view" in run.says("topics")


def test_few_requests_left_is_a_warning(doctor, client):
    run = doctor(**client(rate_per_minute=12))
    assert run.says("budget").startswith("warn")
    assert "of 12 requests used" in run.says("budget")


def test_an_inactivity_timeout_shows(doctor, twin):
    twin.turn(idle_token_s=900)
    run = doctor()
    assert run.code == 0
    assert run.says("inactivity").startswith("warn: This token ends after 15 min")
    assert "Inactivity Timeout" in run.says("inactivity")


def test_short_lived_tokens_are_pointed_out(doctor, client):
    run = doctor(**client(token_seconds=600))
    assert "live for 10 min only" in run.says("inactivity")
    assert "Token Duration" in run.says("inactivity")


def test_tokens_of_an_hour_are_long_enough(doctor, client):
    assert doctor(**client(token_seconds=3600)).says("inactivity").startswith("ok")


def test_options_that_belong_together_are_asked_for(micgate):
    for arguments in (
        ["--audible"],
        ["--format", "json"],
        ["--role", "--probe", "x"],
        ["--report", "x.json"],
    ):
        run = micgate("doctor", *arguments)
        assert run.code == 2
        assert "Error:" in run.err


def test_the_role_is_printed_without_any_setting(micgate):
    assert "conversation:agentlessCall:add" in micgate("doctor", "--role").out
    assert 'resource "genesyscloud_auth_role"' in micgate("doctor", "--role", "--format", "terraform").out


@pytest.mark.parametrize(("stdin", "code"), [('{"code": "not.authorized"}', 0), ("nonsense", 1), ("", 2)])
def test_explain_answers_in_two_lines_and_an_exit_code(micgate, stdin, code):
    run = micgate("explain", stdin=stdin)
    assert run.code == code
    assert len(run.out.splitlines()) == 2

"""`micgate login` and `logout`: a browser's part is played by hand, the rest is real."""

import html
import http.client
import json
import re
from contextlib import closing
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from shell import ended


@pytest.fixture
def ada(twin):
    return twin.agents[0]


@pytest.fixture
def person(shell):
    """A shell without a client's credentials."""
    for name in ("GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"):
        del shell.environ[name]
    return shell


@pytest.fixture
def signing_in(person, twin):
    """A `login` that waits, and the address it printed."""
    started = []

    def start(*arguments):
        process = person.start("login", "--client-id", twin.public_client_id, "--port", "0", *arguments)
        started.append(process)
        stream = process.stderr if "--json" in arguments else process.stdout
        stream.readline()
        return process, stream.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(method, url, form=None):
    """Status, redirect and page."""
    parts = urlsplit(url)
    headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    with closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", form and urlencode(form), headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read().decode()


def get(url):
    return ask("GET", url)[0]


def sign_in_at(url, who):
    """Fill the sign-in page's form; the address it sends the browser to."""
    _, _, page = ask("GET", url)
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    form = {name: html.unescape(value) for name, value in fields.items()}
    form |= {"email": who.email, "password": who.password}
    return ask("POST", url.partition("?")[0], form)[1]


@pytest.fixture
def signed_in(signing_in, ada, person):
    process, url = signing_in("--no-browser")
    get(sign_in_at(url, ada))
    assert ended(process)[0] == 0
    return person


def test_a_person_signs_in_and_mutes_their_own_microphone(signed_in, twin, ada):
    call = twin.place_call()
    result, code = signed_in.json("set", "--muted")
    assert (code, result["strategy"], result["user_id"]) == (0, "participant", ada.id)
    assert twin.leg(call)["muted"] is True


def test_the_address_asks_for_pkce_with_a_loopback_redirect(signing_in):
    _, url = signing_in("--no-browser")
    query = dict(parse_qsl(urlsplit(url).query))
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert query["redirect_uri"].startswith("http://127.0.0.1:")
    assert len(query["state"]) >= 32


def test_the_sign_in_is_kept_in_a_private_file_and_no_secret_is_printed(signing_in, ada, person):
    process, url = signing_in("--no-browser", "--json")
    get(sign_in_at(url, ada))
    code, out, err = ended(process)
    file = person.state / "login.json"
    kept = json.loads(file.read_text())
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600)
    shown = json.loads(out)
    assert (shown["signed_in"], shown["renews"]) == (True, True)
    for secret in (kept["session"]["access_token"], kept["session"]["refresh_token"]):
        assert secret not in out + err


def test_a_redirect_with_another_state_is_not_taken(signing_in, ada):
    process, url = signing_in("--no-browser")
    target = sign_in_at(url, ada)
    forged = re.sub(r"state=[^&]+", "state=forged", target)
    assert get(forged) == 400
    assert process.poll() is None
    assert get(target) == 200
    assert ended(process)[0] == 0


def test_a_refusal_at_the_sign_in_page_is_told(signing_in):
    process, url = signing_in("--no-browser")
    query = dict(parse_qsl(urlsplit(url).query))
    state = query["state"]
    get(f"{query['redirect_uri']}?" + urlencode({"error": "access_denied", "state": state}))
    code, _, err = ended(process)
    assert code == 1
    assert "access_denied" in err
    assert len(err.splitlines()) == 2


def test_a_code_that_is_none_is_refused_in_two_lines(signing_in):
    process, url = signing_in("--no-browser")
    query = dict(parse_qsl(urlsplit(url).query))
    get(f"{query['redirect_uri']}?" + urlencode({"code": "made-up-code", "state": query["state"]}))
    code, _, err = ended(process)
    assert code == 1
    assert "made-up-code" not in err
    assert len(err.splitlines()) == 2


def test_an_ended_access_token_is_renewed_and_the_new_refresh_token_kept(signed_in, twin):
    twin.place_call()
    before = json.loads((signed_in.state / "login.json").read_text())["session"]
    aged = json.loads((signed_in.state / "login.json").read_text())
    aged["session"]["expires_at"] = 1.0
    (signed_in.state / "login.json").write_text(json.dumps(aged))
    assert signed_in("set", "--muted").returncode == 0
    after = json.loads((signed_in.state / "login.json").read_text())["session"]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["access_token"] != before["access_token"]
    assert (signed_in.state / "login.json").stat().st_mode & 0o777 == 0o600


def test_several_commands_at_once_spend_a_refresh_token_once(signed_in, twin):
    twin.place_call()
    aged = json.loads((signed_in.state / "login.json").read_text())
    aged["session"]["expires_at"] = 1.0
    (signed_in.state / "login.json").write_text(json.dumps(aged))
    commands = [signed_in.start("why") for _ in range(4)]
    assert [ended(command)[0] for command in commands] == [0, 0, 0, 0]
    asked = [entry for entry in twin.ledger(kind="request") if entry["path"] == "/oauth/token"]
    assert len(asked) == 2


def test_a_sign_in_is_not_used_for_another_region(signed_in, start_twin):
    other = start_twin("--quiet")
    error, code = signed_in.json("set", "--muted", GENESYS_REGION=other.api_url)
    assert (code, error["word"]) == (2, "missing_credentials")
    assert "is used nowhere else" in error["message"]
    assert not [entry for entry in other.ledger() if entry["kind"] == "request"]


def test_a_sign_in_that_others_can_read_is_not_used(signed_in):
    (signed_in.state / "login.json").chmod(0o644)
    error, code = signed_in.json("why")
    assert (code, error["word"]) == (2, "unsafe_configuration")
    assert "chmod 600" in error["remedy"]


def test_logout_revokes_and_deletes(signed_in, twin):
    token = json.loads((signed_in.state / "login.json").read_text())["session"]["access_token"]
    assert signed_in("logout").returncode == 0
    assert not (signed_in.state / "login.json").exists()
    error, _ = signed_in.json("why", GENESYS_ACCESS_TOKEN=token)
    assert error["word"] == "token_refused"
    assert signed_in("logout").stdout == "Nobody was signed in.\n"


def test_logout_deletes_even_where_genesys_cannot_be_reached(signed_in, twin):
    twin.fault("reset", match={"method": "DELETE"})
    error, code = signed_in.json("logout")
    assert (code, error["word"]) == (1, "not_revoked")
    assert not (signed_in.state / "login.json").exists()


def test_login_without_a_client_says_how_to_name_one(person):
    shown = person("login")
    assert shown.returncode == 2
    assert "--client-id" in shown.stderr


def test_credentials_in_the_environment_are_said_to_win(shell, twin, ada):
    process = shell.start("login", "--client-id", twin.public_client_id, "--port", "0", "--no-browser")
    process.stdout.readline()
    get(sign_in_at(process.stdout.readline().strip(), ada))
    code, _, err = ended(process)
    assert code == 0
    assert "GENESYS_CLIENT_SECRET in the environment is set and is used before" in err


def test_a_taken_port_is_an_error_with_a_remedy(person, twin):
    port = str(urlsplit(twin.api_url).port)
    shown = person("login", "--client-id", "x", "--port", port)
    assert shown.returncode == 1
    assert "--port" in shown.stderr
    assert len(shown.stderr.splitlines()) == 2

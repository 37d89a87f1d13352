"""Settings through their public door: `load`."""

from pathlib import Path

import pytest

from micgate.settings import SETTINGS, SettingError, UnsafeSettingError, load

SECRET = "s3cr3t-Value"


@pytest.fixture
def dotenv(tmp_path):
    def write(text, *, mode=0o600):
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def toml(tmp_path):
    def write(text, *, mode=0o600):
        path = tmp_path / "micgate.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def loaded(tmp_path):
    return lambda environ=None, path=None: load(environ or {}, path or tmp_path / "no.env")


def test_nothing_set_means_the_defaults(loaded):
    settings = loaded()
    assert (settings.region, settings.strategy, settings.timeout) == ("mypurecloud.com", "auto", 10)
    assert settings.client_secret is None
    assert settings.source("region") == "default"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_help_text_and_a_default_that_loads(setting, loaded):
    assert setting.help.endswith(".")
    assert hasattr(loaded(), setting.name)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("GENESYS_ENVIRONMENT", "region"),
        ("GENESYS_CLOUD_REGION", "region"),
        ("GENESYS_CLOUD_CLIENT_ID", "client_id"),
        ("GENESYS_CLOUD_CLIENT_SECRET", "client_secret"),
        ("AGENT_USER_ID", "agent"),
        ("HTTPS_PROXY", "https_proxy"),
        ("REQUESTS_CA_BUNDLE", "ca_bundle"),
    ],
)
def test_other_tools_names_are_read_too(variable, name, loaded):
    settings = loaded({variable: "value"})
    assert getattr(settings, name) == "value"
    assert settings.source(name) == f"{variable} in the environment"


def test_our_own_name_wins_over_an_alias(loaded):
    assert loaded({"GENESYS_CLOUD_REGION": "a.example", "GENESYS_REGION": "b.example"}).region == "b.example"


def test_an_empty_variable_counts_as_unset(loaded):
    settings = loaded({"GENESYS_REGION": "", "GENESYS_ENVIRONMENT": "mypurecloud.ie", "AGENT_USER_ID": "  "})
    assert settings.region == "mypurecloud.ie"
    assert settings.agent is None


@pytest.mark.parametrize("name", [setting.names[0] for setting in SETTINGS if setting.secret])
def test_every_secret_can_come_from_a_file(name, loaded, tmp_path):
    file = tmp_path / "secret"
    file.write_text("x-secret=one\n" if name == "MICGATE_OTEL_HEADERS" else "X-Secret: one\n")
    settings = loaded({f"{name}_FILE": str(file)})
    setting = next(each for each in SETTINGS if name in each.names)
    assert getattr(settings, setting.name) in ("X-Secret: one", {"X-Secret": "one"}, {"x-secret": "one"})
    assert settings.source(setting.name) == f"{name}_FILE in the environment"


def test_a_secret_given_twice_is_refused(loaded):
    with pytest.raises(SettingError, match="both set") as refused:
        loaded({"GENESYS_CLIENT_SECRET": SECRET, "GENESYS_CLIENT_SECRET_FILE": "/run/it"})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_secret_file_that_has_no_secret_is_refused_by_name(content, loaded, tmp_path):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match="GENESYS_CLIENT_SECRET_FILE names") as refused:
        loaded({"GENESYS_CLIENT_SECRET_FILE": str(file)})
    assert refused.value.remedy


def test_dotenv_is_read_under_the_environment(loaded, dotenv):
    path = dotenv(
        "# ours\n"
        "export GENESYS_CLIENT_ID=from-dotenv  # a comment\n"
        "GENESYS_REGION='mypurecloud.ie'\r\n"
        'MICGATE_STRATEGY="participant" # why not\n'
        "MICGATE_TIMEOUT = 5\n"
        "not an assignment\n"
    )
    settings = loaded({"GENESYS_CLIENT_ID": "from-environment"}, path)
    assert settings.client_id == "from-environment"
    assert (settings.region, settings.strategy, settings.timeout) == ("mypurecloud.ie", "participant", 5)
    assert settings.source("region") == f"GENESYS_REGION in {path}"


def test_a_hash_inside_a_secret_stays_in_it(loaded, dotenv):
    assert loaded({}, dotenv("GENESYS_CLIENT_SECRET=ab#cd\n")).client_secret == "ab#cd"


def test_a_dotenv_with_a_secret_that_others_can_read_warns(loaded, dotenv):
    path = dotenv(f"GENESYS_CLIENT_SECRET={SECRET}\n", mode=0o644)
    (warning,) = loaded({}, path).warnings
    assert "chmod 600" in warning
    assert SECRET not in warning


def test_a_variable_that_is_nearly_ours_warns_with_the_one_that_is(loaded, dotenv):
    environ = {"MICGATE_PROT": "1", "MICGATE_PORT_8700_TCP": "tcp://10.0.0.1", "MICGATE_DEMO": "1"}
    assert loaded(environ).warnings == (
        "MICGATE_PROT in the environment is no setting. Did you mean MICGATE_PORT?",
    )
    (warning,) = loaded({}, dotenv("MICGATE_PERSON_DAY=9\n")).warnings
    assert "MICGATE_PERSON_DAYS" in warning


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *(("MICGATE_TRUSTED_PROXY", text) for text in ("yes", "*", "proxy.example", "10.0.0.1,10.0.0.0/33")),
        *(("MICGATE_MAX_CHANNELS", text) for text in ("0", "21")),
        ("MICGATE_WEBHOOK_TRIES", "0"),
    ],
)
def test_what_would_mean_nothing_is_refused(loaded, variable, text):
    with pytest.raises(SettingError, match=variable):
        loaded({variable: text})


def test_a_private_dotenv_and_one_without_secrets_do_not_warn(loaded, dotenv):
    assert not loaded({}, dotenv(f"GENESYS_CLIENT_SECRET={SECRET}\n")).warnings
    assert not loaded({}, dotenv("GENESYS_REGION=mypurecloud.ie\n", mode=0o644)).warnings


@pytest.mark.parametrize(
    "host", ["GENESYS_REGION=https://evil.example", "GENESYS_LOGIN_URL=https://evil.example"]
)
@pytest.mark.parametrize("secret", ["GENESYS_CLIENT_SECRET", "GENESYS_ACCESS_TOKEN"])
def test_a_secret_of_the_environment_is_not_sent_where_dotenv_says(host, secret, loaded, dotenv):
    with pytest.raises(UnsafeSettingError) as refused:
        loaded({secret: SECRET}, dotenv(host))
    assert refused.value.word == "unsafe_configuration"
    assert secret in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_services_key_of_the_environment_is_not_sent_where_dotenv_says(loaded, dotenv):
    with pytest.raises(UnsafeSettingError) as refused:
        loaded({"MICGATE_KEY": SECRET}, dotenv("MICGATE_URL=https://evil.example"))
    assert SECRET not in str(refused.value)
    both = "MICGATE_URL=https://micgate.example\nMICGATE_KEY=mg_key\n"
    assert loaded({}, dotenv(both)).service_key == "mg_key"
    assert loaded({"GENESYS_CLIENT_SECRET": SECRET}, dotenv(both)).service_url == "https://micgate.example"


def test_a_secret_file_of_the_environment_is_not_sent_where_dotenv_says(loaded, dotenv, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    with pytest.raises(UnsafeSettingError):
        loaded({"GENESYS_CLIENT_SECRET_FILE": str(file)}, dotenv("GENESYS_REGION=evil.example"))


def test_dotenv_names_secret_files_in_its_own_folder_only(loaded, dotenv, tmp_path):
    (tmp_path / "beside").write_text(SECRET)
    assert loaded({}, dotenv("GENESYS_CLIENT_SECRET_FILE=beside")).client_secret == SECRET
    for elsewhere in ("/etc/hostname", "../elsewhere", str(tmp_path.parent / "elsewhere")):
        with pytest.raises(UnsafeSettingError, match="outside the folder"):
            loaded({}, dotenv(f"GENESYS_CLIENT_SECRET_FILE={elsewhere}"))


def test_secret_and_host_may_both_be_in_dotenv_or_both_in_the_environment(loaded, dotenv):
    both = f"GENESYS_CLIENT_SECRET={SECRET}\nGENESYS_REGION=mypurecloud.ie\n"
    assert loaded({}, dotenv(both)).client_secret == SECRET
    environ = {"GENESYS_CLIENT_SECRET": SECRET, "GENESYS_REGION": "mypurecloud.de"}
    assert loaded(environ, dotenv(both)).region == "mypurecloud.de"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "SSL_CERT_FILE", "NO_PROXY", "XDG_STATE_HOME"])
def test_a_dotenv_cannot_reroute_or_reveal_the_traffic(variable, loaded, dotenv):
    settings = loaded({}, dotenv(f"{variable}=/evil"))
    assert "/evil" not in [getattr(settings, setting.name) for setting in SETTINGS]


def test_an_unreadable_dotenv_is_refused(loaded, tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfeGENESYS_REGION=x")
    with pytest.raises(SettingError, match="cannot be read"):
        loaded({}, tmp_path / ".env")


def test_a_folder_named_dotenv_is_no_dotenv(loaded, tmp_path):
    (tmp_path / ".env").mkdir()
    assert loaded({}, tmp_path / ".env").region == "mypurecloud.com"


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({"MICGATE_TIMEOUT": "soon"}, "seconds"),
        ({"MICGATE_TIMEOUT": "-1"}, "seconds"),
        ({"MICGATE_TIMEOUT": "0"}, "seconds"),
        ({"MICGATE_TIMEOUT": "nan"}, "seconds"),
        ({"MICGATE_TIMEOUT": "inf"}, "seconds"),
        ({"MICGATE_SLOW_MUTE": "1e9"}, "seconds"),
        ({"MICGATE_MAX_CHANNELS": "-3"}, "whole number"),
        ({"MICGATE_STRATEGY": "browser"}, "auto, on_behalf, participant"),
        ({"CONTROL_ACTION": "true"}, "mute, unmute"),
        ({"MICGATE_EXTRA_HEADERS": "no header"}, "Name: value"),
        ({"MICGATE_EXTRA_HEADERS": "{"}, "Name: value"),
        ({"MICGATE_OTEL_HEADERS": "key: value"}, "name=value"),
        ({"MICGATE_EXTRA_HEADERS": "X-A: caf\u00e9"}, "Name: value"),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(environ, remedy, loaded):
    with pytest.raises(SettingError) as refused:
        loaded(environ)
    assert remedy in refused.value.remedy
    assert next(iter(environ)) in refused.value.what


@pytest.mark.parametrize(("text", "word"), [("MUTE", "mute"), ("unmute", "unmute")])
def test_the_control_action_is_read_without_case(text, word, loaded):
    assert loaded({"CONTROL_ACTION": text}).control_action == word


@pytest.mark.parametrize(
    "text",
    [
        "X-Key: a b\nX-Other: c,d",
        '{"X-Key": "a b", "X-Other": "c,d"}',
        "X-Key: a b; X-Other: c,d",
        "X-Key:a b, X-Other: c,d",
    ],
)
def test_extra_headers_come_as_lines_or_as_json(text, loaded):
    assert loaded({"MICGATE_EXTRA_HEADERS": text}).extra_headers == {"X-Key": "a b", "X-Other": "c,d"}


@pytest.mark.parametrize(
    "header", ["Authorization", "authorization", "Proxy-Authorization", "Host", "Cookie"]
)
def test_extra_headers_never_replace_ours(header, loaded):
    with pytest.raises(SettingError, match=f"may not set {header}") as refused:
        loaded({"MICGATE_EXTRA_HEADERS": f"X-Fine: 1\n{header}: Bearer {SECRET}"})
    assert SECRET not in str(refused.value)


def test_values_are_shown_as_they_are_written(loaded):
    shown = loaded({"MICGATE_ALLOW_PRIVATE_RECEIVERS": "yes", "MICGATE_SLOW_MUTE": "2.5"}).shown()
    assert (shown["timeout"], shown["slow_mute"], shown["allow_private_receivers"]) == ("10", "2.5", "yes")


def test_no_secret_shows_in_the_repr_or_in_what_is_shown(loaded):
    secrets = {setting.names[0]: SECRET for setting in SETTINGS if setting.secret}
    headers = {"MICGATE_EXTRA_HEADERS": f"X-Key: {SECRET}", "MICGATE_OTEL_HEADERS": f"key={SECRET}"}
    settings = loaded(secrets | headers)
    assert SECRET not in repr(settings)
    assert settings.shown()["client_secret"] == "***"
    assert settings.shown()["access_token"] == "***"


def test_files_are_kept_under_the_state_home(loaded, tmp_path):
    settings = loaded({"XDG_STATE_HOME": str(tmp_path)})
    assert settings.journal_path == tmp_path / "micgate" / "direct.jsonl"
    assert settings.login_path.parent == settings.state_dir


def test_a_relative_state_home_counts_as_unset(loaded):
    assert loaded({"XDG_STATE_HOME": "state"}).state_home == str(Path("~/.local/state").expanduser())


def test_a_dotenv_of_the_working_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GENESYS_REGION=mypurecloud.jp\n")
    assert load({}).region == "mypurecloud.jp"


def test_a_toml_file_is_read_under_everything_else(loaded, dotenv, toml):
    path = toml('port = 1\nhost = "::1"\ntimeout = 2.5\nregion = "mypurecloud.ie"\norg = "toml"\n')
    environ = {"MICGATE_CONFIG": str(path), "MICGATE_PORT": "3", "MICGATE_HOST": ""}
    settings = load(environ, dotenv("MICGATE_PORT=2\nMICGATE_ORG=dotenv\n"), given={"--port": "4"})
    assert (settings.port, settings.org, settings.host, settings.timeout) == (4, "dotenv", "::1", 2.5)
    assert settings.source("port") == "--port"
    assert settings.source("region") == f"region in {path}"
    assert loaded(environ).port == 3


def test_the_command_line_names_the_toml_file_first(loaded, toml, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("port = 5")
    environ = {"MICGATE_CONFIG": str(other)}
    assert load(environ, tmp_path / "no.env", given={"--config": str(toml("port = 6"))}).port == 6


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_can_stand_in_a_toml_file(setting, loaded, toml):
    if setting.name == "config":
        with pytest.raises(SettingError, match="no setting"):
            loaded({"MICGATE_CONFIG": str(toml('config = "other.toml"'))})
        return
    environ = {"MICGATE_CONFIG": str(toml(f'{setting.name} = "{setting.default}"'))}
    assert getattr(loaded(environ), setting.name) == getattr(loaded(), setting.name)


def test_lists_tables_and_numbers_are_read_as_the_environment_would_have_them(loaded, toml):
    text = 'trusted_proxy = ["10.0.0.1", "10.2.0.0/16"]\nport = 8701\n[extra_headers]\nX-Key = "a, b"\n'
    settings = loaded({"MICGATE_CONFIG": str(toml(text))})
    assert settings.trusted_proxy == ("10.0.0.1", "10.2.0.0/16")
    assert settings.extra_headers == {"X-Key": "a, b"}
    assert settings.port == 8701


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("prot = 8700", "Did you mean port?"),
        ("database-dir = '/d'", "Did you mean database_dir?"),
        ("MICGATE_HOST = '::1'", "Did you mean host?"),
        ("[service]\nport = 1", "service_url"),
        ("qqqq = 1", "micgate settings"),
        ("port = 2026-01-01", "text, a number"),
        ("port = ", "Correct it there"),
        ("port = 'abc'", "whole number"),
    ],
)
def test_what_a_toml_file_cannot_mean_is_refused_with_a_remedy(text, remedy, loaded, toml):
    with pytest.raises(SettingError) as refused:
        loaded({"MICGATE_CONFIG": str(toml(text))})
    assert remedy in refused.value.remedy
    assert "micgate.toml" in refused.value.what


def test_a_toml_file_that_is_not_there_is_refused(loaded):
    with pytest.raises(SettingError, match="no file /nowhere"):
        loaded({"MICGATE_CONFIG": "/nowhere/micgate.toml"})


def test_a_toml_file_that_is_broken_does_not_show_its_secrets(loaded, toml):
    with pytest.raises(SettingError) as refused:
        loaded({"MICGATE_CONFIG": str(toml(f'client_secret = {SECRET}"'))})
    assert SECRET not in str(refused.value)


def test_a_toml_file_names_secret_files_from_its_own_folder(loaded, toml, tmp_path):
    (tmp_path / "beside").write_text(SECRET)
    settings = loaded({"MICGATE_CONFIG": str(toml('client_secret_file = "beside"'))})
    assert settings.client_secret == SECRET
    assert not settings.warnings


def test_a_toml_file_with_a_secret_that_others_can_read_warns(loaded, toml):
    (warning,) = loaded({"MICGATE_CONFIG": str(toml(f'client_secret = "{SECRET}"', mode=0o640))}).warnings
    assert "chmod 600" in warning
    assert SECRET not in warning


@pytest.mark.parametrize(
    ("secret", "host"),
    [
        ("GENESYS_CLIENT_SECRET", "region"),
        ("GENESYS_ACCESS_TOKEN", "login_url"),
        ("MICGATE_EXTRA_HEADERS", "region"),
        ("MICGATE_KEY", "service_url"),
    ],
)
def test_a_secret_of_the_environment_is_not_sent_where_a_toml_file_says(secret, host, loaded, toml, dotenv):
    config = str(toml(f'{host} = "https://evil.example"'))
    for environ, file in (({secret: f"X: {SECRET}"}, None), ({}, dotenv(f"{secret}=X: {SECRET}"))):
        with pytest.raises(UnsafeSettingError) as refused:
            loaded(environ | {"MICGATE_CONFIG": config}, file)
        assert SECRET not in str(refused.value)


def test_a_dotenv_cannot_name_a_toml_file(loaded, dotenv, toml):
    path = toml("port = 9")
    assert loaded({}, dotenv(f"MICGATE_CONFIG={path}")).port == 8700

"""Where the key may go."""

import pytest

from micgate.client.address import Address
from micgate.client.errors import UnsafeAddress

KEY = "mg_abcdef0123_secret"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://micgate.example", "https://micgate.example"),
        ("https://micgate.example/", "https://micgate.example"),
        ("https://Micgate.Example:8443/gate/v1/", "https://micgate.example:8443/gate"),
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("http://localhost:8700", "http://localhost:8700"),
        ("http://[::1]:8700", "http://[::1]:8700"),
    ],
)
def test_an_address_is_read_as_it_is_meant(text, url):
    assert Address(url=text, key=KEY).url == url


@pytest.mark.parametrize(
    "text",
    [
        "http://micgate.example",
        "http://10.0.0.5:8700",
        "http://127.0.0.1.example",
        "https://user:password@micgate.example",
        "https://micgate.example?key=1",
        "micgate.example",
        "ftp://micgate.example",
        "https://",
        "https://micgate.example:port",
        "",
    ],
)
def test_an_address_that_would_show_the_key_or_is_none_is_refused(text):
    with pytest.raises(UnsafeAddress):
        Address(url=text, key=KEY)


@pytest.mark.parametrize("key", ["", "short", "two words", "line\nbreak-in-it", "ключ-ключ-ключ", "x" * 600])
def test_what_is_no_key_is_refused_and_not_repeated(key):
    with pytest.raises(UnsafeAddress) as raised:
        Address(url="https://micgate.example", key=key)
    assert not key or key not in str(raised.value)


def test_a_proxy_is_used_for_other_machines_only_and_its_password_not_shown():
    proxy = "http://me:secret-word@proxy.example:3128"
    away = Address(url="https://micgate.example", key=KEY, proxy=proxy)
    way = away.way_out()
    assert way.url == "http://proxy.example:3128"
    assert way.headers["Proxy-Authorization"].startswith("Basic ")
    assert Address(url="http://127.0.0.1:8700", key=KEY, proxy=proxy).way_out() is None
    assert "secret-word" not in repr(away) + repr(way)
    assert KEY not in repr(away)


def test_a_ca_bundle_that_is_none_is_said(tmp_path):
    with pytest.raises(UnsafeAddress):
        Address(url="https://micgate.example", key=KEY, ca_bundle=str(tmp_path / "no.pem")).ssl_context()

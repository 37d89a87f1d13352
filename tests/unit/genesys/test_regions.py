import pytest

from micgate.genesys.errors import UnknownRegion, UnsafeConfiguration
from micgate.genesys.regions import DOMAINS, find_region, is_loopback

EVERY = sorted(DOMAINS.items())


@pytest.mark.parametrize(("name", "domain"), EVERY)
def test_every_spelling_means_the_same_region(name, domain):
    spellings = [
        name, name.upper(), name.replace("_", "-"), domain, domain.upper(), f"api.{domain}",
        f"login.{domain}",
        f"apps.{domain}", f"https://api.{domain}", f"https://api.{domain}/", f"https://API.{domain}:443/api/v2",
        f"https://login.{domain}", f"https://apps.{domain}/directory", f"  {domain}  ", f"{domain}/",
    ]  # fmt: skip
    for text in spellings:
        region = find_region(text)

        assert region.name == name, text
        assert region.api_url == f"https://api.{domain}"
        assert region.login_url == f"https://login.{domain}"


@pytest.mark.parametrize("nothing", [None, "", "   "])
def test_no_region_is_the_sdks_default(nothing):
    assert find_region(nothing).api_url == "https://api.mypurecloud.com"


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [
        ("us-eest-1", "us_east_1"), ("mypurecloud.dee", "eu_central_1"), ("mypurecloud.con", "us_east_1"),
        ("euw3.pure.cloud", "euw2.pure.cloud"), ("api.mypurecloud.co", "us_east_1"),
        ("eu_centra_1", "eu_central_1"),
        ("https://api.mypurecloud.con", "us_east_1"), ("https://usw3.pure.cloud", "usw2.pure.cloud"),
    ],
)  # fmt: skip
def test_typo_names_the_nearest_region(typo, nearest):
    with pytest.raises(UnknownRegion, match=nearest.replace(".", r"\.")):
        find_region(typo)


def test_url_means_api_and_login_behind_one_host():
    region = find_region("https://Gateway.example:8443/genesys/")

    assert region.name == "gateway"
    assert region.api_url == region.login_url == "https://gateway.example:8443/genesys"
    assert (region.host, region.login_host) == ("gateway.example:8443", "gateway.example:8443")


def test_login_may_have_a_url_of_its_own():
    region = find_region(
        "https://gateway.example/api-of-genesys", login_url="https://sign-in.example/oauth-of-genesys/"
    )

    assert region.api_url == "https://gateway.example/api-of-genesys"
    assert region.login_url == "https://sign-in.example/oauth-of-genesys"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.1.2.3"])
def test_plain_http_is_for_loopback(host):
    assert find_region(f"http://{host}").api_url == f"http://{host}"


@pytest.mark.parametrize(
    "url",
    ["http://gateway.example", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"],
)
def test_plain_http_to_anywhere_else_is_refused(url):
    with pytest.raises(UnsafeConfiguration, match="plain http"):
        find_region(url)
    with pytest.raises(UnsafeConfiguration, match="plain http"):
        find_region(None, login_url=url)


def test_plain_http_to_the_platform_is_refused():
    with pytest.raises((UnsafeConfiguration, UnknownRegion)):
        find_region("http://api.mypurecloud.com")


def test_password_in_the_url_is_refused_without_showing_it():
    with pytest.raises(UnsafeConfiguration) as caught:
        find_region("https://ada:pa55word@gateway.example")

    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "localhost:8080"])
def test_loopback_without_a_scheme_gets_a_hint(text):
    with pytest.raises(UnknownRegion, match=f"write http://{text}"):
        find_region(text)


@pytest.mark.parametrize(
    "text", ["ftp://gateway.example", "https://", "https://gateway.example?x=1", "https://[", "http://h:port"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UnknownRegion):
        find_region(text)


def test_loopback_is_told_from_names_that_look_like_it():
    assert [is_loopback(host) for host in ("localhost", "127.9.9.9", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("localhost.example", "128.0.0.1", "")] == [False] * 3

"""Signing a person in at the simulator, as a browser would."""

import base64
import hashlib
import re
import urllib.parse
import urllib.request

VERIFIER = "v" * 64
REDIRECT = "http://127.0.0.1:1/back"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object):
        return None


def access_token(twin, *, client_id: str, email: str, password: str) -> str:
    """An access token of this person, by authorization code with PKCE."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    sign_in = f"{twin.login_url}/oauth/authorize?{urllib.parse.urlencode(query)}"
    page = _open(sign_in).read().decode()
    hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    action = urllib.parse.urljoin(
        sign_in, re.search(r'<form[^>]*action="([^"]*)"', page)[1].replace("&amp;", "&")
    )
    back = _open(action, hidden | {"email": email, "password": password}).headers["Location"]
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": client_id,
        "code_verifier": VERIFIER,
    }
    answer = _open(f"{twin.login_url}/oauth/token", form).read().decode()
    return re.search(r'"access_token"\s*:\s*"([^"]+)"', answer)[1]


def _open(url: str, form: dict[str, str] | None = None):
    data = urllib.parse.urlencode(form).encode() if form else None
    opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
    try:
        return opener.open(url, data, timeout=10)
    except urllib.error.HTTPError as answer:
        return answer

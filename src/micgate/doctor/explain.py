"""A pasted vendor error in two lines: what is wrong, and where it is changed."""

import msgspec

from micgate.doctor.curl import of_curl
from micgate.doctor.explanation import FINE, Explanation
from micgate.doctor.notices import explain_notice
from micgate.doctor.paste import Form, Paste, take_apart
from micgate.doctor.told import Told
from micgate.genesys.errors import GenesysError
from micgate.genesys.grant_refusals import Asked, refused_grant
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.refusals import refusal


def explain(text: str) -> Explanation:
    """Never raises, whatever is pasted."""
    paste = take_apart(text)
    if paste.form is Form.JSON:
        return _of_json(paste)
    if paste.form in {Form.HTML, Form.STATUS_ONLY}:
        return _of_refusal(paste)
    if paste.form is Form.CURL:
        return of_curl(paste)
    return _EMPTY if paste.form is Form.EMPTY else _UNKNOWN


_PASTE_THIS = "Paste the whole answer: status line, headers and body (curl -i shows all three)."
_EMPTY = Explanation(word="empty", what="Nothing was pasted.", where=_PASTE_THIS, understood=False)
_UNKNOWN = Explanation(
    word="unknown",
    what="That is no error of Genesys Cloud that micgate knows.",
    where=_PASTE_THIS,
    understood=False,
)


def _of_json(paste: Paste) -> Explanation:
    try:
        told = msgspec.json.decode(paste.json, type=Told)
    except msgspec.MsgspecError:
        return _of_refusal(paste) if paste.status else _UNKNOWN
    if notice := explain_notice(told):
        return notice
    if told.error and not told.code:
        return _of_token_error(paste, told)
    return _of_error_body(paste, told)


def _of_error_body(paste: Paste, told: Told) -> Explanation:
    status = paste.status or _status(told)
    if not (status and (told.says_something or paste.status)):
        return _UNKNOWN
    return _of_refusal(msgspec.structs.replace(paste, status=status))


_STATUS_OF_CODE = {
    "bad.request": 400,
    "invalid.value": 400,
    "invalid.date": 400,
    "authentication.required": 401,
    "bad.credentials": 401,
    "missing.permissions": 403,
    "missing.any.permissions": 403,
    "not.authorized": 403,
    "not.found": 404,
    "conflict": 409,
    "unsupported.media.type": 415,
    "too.many.requests.retry.after": 429,
    "internal.server.error": 500,
    "service.unavailable": 503,
    "request.timeout": 504,
    "authentication.request.timeout": 504,
}


def _status(told: Told) -> int | None:
    if isinstance(told.status, int):
        return told.status
    if told.status and told.status.isdecimal():
        return int(told.status)
    return _STATUS_OF_CODE.get(told.code or "")


def _of_refusal(paste: Paste) -> Explanation:
    status = paste.status or _GATEWAY_PAGE
    if _OK <= status < _REDIRECT and paste.form is not Form.HTML:
        return FINE
    page = b"" if status == _PROXY_WANTS_NAME else paste.text.encode()
    body = _about_a_call(paste) or paste.json or page
    response = Response(status=status, headers=paste.headers, body=body, elapsed=0.0)
    return _of_error(refusal(response, _asked(paste)))


_OK, _REDIRECT, _PROXY_WANTS_NAME = 200, 300, 407
_GATEWAY_PAGE = 200


def _about_a_call(paste: Paste) -> bytes | None:
    """`not.authorized` alone does not say about what; whoever pastes it here meant a call."""
    if paste.path or not paste.json:
        return None
    body = msgspec.json.decode(paste.json)
    if body.get("code") != "not.authorized" or body.get("messageParams"):
        return None
    return msgspec.json.encode(body | {"messageParams": {"type": "Conversation"}})


def _asked(paste: Paste) -> Request | None:
    if paste.method is None or paste.path is None:
        return None
    return Request(method=paste.method, path=paste.path)


def _of_error(error: GenesysError) -> Explanation:
    what = " ".join(part for part in (error.what, error.means) if part)
    return Explanation(
        word=error.word, what=what[:1].upper() + what[1:], where=error.remedy, facts=error.facts()
    )


def _of_token_error(paste: Paste, told: Told) -> Explanation:
    """The texts are those of a real refusal; what a paste does not tell is worded around."""
    description = f"{told.error_description or ''} {told.description or ''}"
    status = paste.status or (401 if "authentication failed" in description else 400)
    asked = Asked(
        request=Request(method="POST", path="/oauth/token", kind=Kind.TOKEN, host="login"),
        grant="refresh_token" if "refresh" in description.lower() else "authorization_code",
        client_id="in that request",
        host="the login host",
        secrets=(),
    )
    response = Response(status=status, headers=paste.headers, body=paste.json, elapsed=0.0)
    return _of_error(refused_grant(response, asked))

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micgate.doctor.paste import Form, take_apart

BODY = {"message": "You are not authorized.", "code": "not.authorized", "status": 403, "contextId": "c-1"}
JSON = json.dumps(BODY)


def found(text):
    paste = take_apart(text)
    assert paste.form is Form.JSON
    return json.loads(paste.json)


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"\ufeff  \r\n{json.dumps(BODY, indent=2)}\r\n",
        f"Error: {JSON}\nat line 3",
        f"2026-11-20 10:00:00 ERROR mute failed: {JSON} (retrying)",
        repr(BODY),
        f"(403)\nReason: Forbidden\nHTTP response headers: Dict({{'Date': 'x'}})\nHTTP response body: {JSON}",
        json.dumps({"status": 403, "correlationId": "c-1", "body": BODY, "text": JSON}),
        json.dumps({"response": {"data": JSON, "status": 403}}),
        f"HTTP/2 403\ncontent-type: application/json\ninin-correlation-id: c-1\n\n{JSON}",
        f"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 403 Forbidden\r\nDate: now\r\n\r\n{JSON}",
        f"> PATCH /api/v2 HTTP/2\n> Authorization: Bearer x\n* done\n< HTTP/2 403 \n< date: now\n< \n{JSON}",
        f"content-type: application/json\nretry-after: 3\n\n{JSON}",
    ],
)
def test_the_vendors_error_is_found_wherever_it_was_copied_from(text):
    assert found(text) == BODY


def test_the_status_and_headers_of_a_curl_dump_are_kept():
    paste = take_apart(f"HTTP/1.1 429 Too Many Requests\nRetry-After: 42\nININ-Correlation-Id: c-9\n\n{JSON}")
    assert paste.status == 429
    assert paste.headers["retry-after"] == "42"
    assert paste.headers["inin-correlation-id"] == "c-9"


def test_a_stray_backslash_in_a_printed_dict_is_no_trouble():
    assert found("{'message': 'C:\\d', 'code': 'bad.request'}")["code"] == "bad.request"


def test_the_status_of_an_sdk_exception_is_kept():
    assert take_apart("(503)\nReason: Service Unavailable").status == 503


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", Form.EMPTY),
        (" \n\t", Form.EMPTY),
        ("<!DOCTYPE html><html><title>Blocked</title></html>", Form.HTML),
        ("HTTP/1.1 407 Proxy Authentication Required\n\n<html>sign in</html>", Form.HTML),
        ("curl: (6) Could not resolve host: api.mypurecloud.xx", Form.CURL),
        ("HTTP/1.1 502 Bad Gateway\nServer: x\n", Form.STATUS_ONLY),
        ("what do you mean, error?", Form.UNKNOWN),
        ('{"hello": "world"}', Form.UNKNOWN),
        ("[" * 100_000, Form.UNKNOWN),
        ('{"a":' * 50_000, Form.UNKNOWN),
        ("{'a':" * 50_000, Form.UNKNOWN),
    ],
)
def test_everything_else_is_told_apart(text, form):
    assert take_apart(text).form is form


@given(st.text() | st.lists(st.sampled_from([*"{}[]':,\"\n<>HT/1.403 -", "message"])).map("".join))
def test_no_text_whatever_makes_it_raise(text):
    assert take_apart(text).form in Form

"""Paths that circulate but do not exist are recognised; real ones are left alone."""

import pytest

from micgate.twin.invented import right_call
from twin.contract import document


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("PATCH", "/api/v2/conversations/c/participants", "/participants/{participantId}"),
        ("PUT", "/api/v2/conversations/calls/c/participants/p", "PATCH"),
        ("PUT", "/api/v2/conversations/c/participants/p", "PATCH"),
        ("POST", "/api/v2/conversations/c/control", '{"muted": true}'),
        ("POST", "/api/v2/conversations/active", "activity/query"),
        ("GET", "/api/v2/users/u/conversations", "activity/query"),
        ("POST", "/api/v2/conversations/voice/c/mute", "/user/{userId}"),
        ("POST", "/api/v2/oauth/token", "login host"),
        ("POST", "/oauth2/token", "login host"),
    ],
)
def test_an_invented_path_is_answered_with_the_right_call(method, path, names):
    right = right_call(method, path)
    assert right is not None
    assert names in right


def test_no_real_operation_is_called_invented():
    real = [(method.upper(), path) for path, ways in document()["paths"].items() for method in ways]
    assert [(method, path) for method, path in real if right_call(method, path)] == []

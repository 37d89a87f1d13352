"""Tokens: what they are exchanged for, how they end, and the requests they allow."""

import hashlib
from base64 import urlsafe_b64encode

import pytest
from worlds import pass_time, quiet_world

from micgate.twin.floor import TokenEnded
from micgate.twin.refusals import GrantRefused

VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:9999/back"


def refused(act):
    with pytest.raises(GrantRefused) as caught:
        act()
    return caught.value.status, caught.value.error


def signed_in(world, *, grant="code", **wishes):
    client = world.add_client(grant=grant, **wishes)
    challenge = CHALLENGE if grant == "pkce" else None
    code = world.tokens.issue_code(
        client=client, user=world.agents[0], redirect_uri=BACK, challenge=challenge
    )
    verifier = VERIFIER if grant == "pkce" else None
    return client, world.tokens.by_code(client=client, code=code, redirect_uri=BACK, verifier=verifier)


def ends(world):
    return [one.reason for one in world.drain() if isinstance(one, TokenEnded)]


def test_an_unknown_client_and_a_wrong_secret_are_told_apart():
    world = quiet_world()
    assert world.tokens.authenticate(world.client.id, world.client.secret) is world.client
    assert refused(lambda: world.tokens.authenticate("nobody", "x")) == (400, "invalid_client")
    assert refused(lambda: world.tokens.authenticate(world.client.id, "x")) == (401, "invalid_client")
    assert refused(lambda: world.tokens.authenticate(world.client.id, None)) == (401, "invalid_client")
    assert world.tokens.authenticate(world.public_client.id, None) is world.public_client


def test_client_credentials_have_no_user_and_no_refresh_token():
    world = quiet_world()
    token = world.tokens.by_client_credentials(world.client)
    assert (token.user, token.refresh) == (None, None)
    assert world.tokens.find(token.value) is token


def test_a_client_may_only_use_its_own_grant():
    world = quiet_world()
    code = world.add_client(grant="code")
    assert refused(lambda: world.tokens.by_client_credentials(code)) == (400, "unauthorized_client")


def test_a_code_works_once():
    world = quiet_world()
    client = world.add_client(grant="code")
    code = world.tokens.issue_code(client=client, user=world.agents[0], redirect_uri=BACK)
    exchange = lambda: world.tokens.by_code(client=client, code=code, redirect_uri=BACK)  # noqa: E731
    assert exchange().user is world.agents[0]
    assert refused(exchange) == (400, "invalid_grant")


def test_a_code_expires_and_is_bound_to_its_redirect():
    world = quiet_world()
    client = world.add_client(grant="code")
    issue = lambda: world.tokens.issue_code(client=client, user=world.agents[0], redirect_uri=BACK)  # noqa: E731
    late, moved = issue(), issue()
    elsewhere = BACK + "/other"
    assert refused(lambda: world.tokens.by_code(client=client, code=moved, redirect_uri=elsewhere)) == (
        400,
        "invalid_grant",
    )
    pass_time(world, 601)
    assert refused(lambda: world.tokens.by_code(client=client, code=late, redirect_uri=BACK)) == (
        400,
        "invalid_grant",
    )


@pytest.mark.parametrize("verifier", [None, "w" * 43])
def test_pkce_asks_for_the_verifier(verifier):
    world = quiet_world()
    code = world.tokens.issue_code(
        client=world.public_client, user=world.agents[0], redirect_uri=BACK, challenge=CHALLENGE
    )
    assert refused(
        lambda: world.tokens.by_code(
            client=world.public_client, code=code, redirect_uri=BACK, verifier=verifier
        )
    ) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("grant", "knobs", "given"),
    [
        ("code", {}, True),
        ("code", {"refresh_tokens": "off"}, False),
        ("pkce", {}, True),
        ("pkce", {"pkce_refresh_token": "off"}, False),
    ],
)
def test_a_refresh_token_is_given_as_the_knobs_say(grant, knobs, given):
    world = quiet_world(**knobs)
    _, token = signed_in(world, grant=grant)
    assert (token.refresh is not None) is given


def test_a_refresh_gives_two_new_tokens_and_ends_both_old_ones():
    world = quiet_world()
    client, old = signed_in(world)
    new = world.tokens.by_refresh(client=client, refresh=old.refresh)
    assert new.user is world.agents[0]
    assert len({old.value, new.value, old.refresh, new.refresh}) == 4
    assert world.tokens.find(old.value) is None
    assert refused(lambda: world.tokens.by_refresh(client=client, refresh=old.refresh)) == (
        400,
        "invalid_grant",
    )
    assert ends(world) == ["refreshed"]


def test_an_expired_token_is_worth_nothing_but_its_refresh_token_is():
    world = quiet_world()
    client, token = signed_in(world, token_seconds=300)
    pass_time(world, 299.9)
    assert world.tokens.find(token.value) is token
    pass_time(world, 0.1)
    assert world.tokens.find(token.value) is None
    assert ends(world) == ["expired"]
    assert world.tokens.by_refresh(client=client, refresh=token.refresh)


def test_an_idle_token_is_revoked_and_a_used_one_is_not():
    world = quiet_world(idle_token_s=60)
    idle, used = (world.tokens.by_client_credentials(world.client) for _ in range(2))
    pass_time(world, 40)
    world.tokens.find(used.value)
    pass_time(world, 40)
    assert (world.tokens.find(idle.value), world.tokens.find(used.value)) == (None, used)
    assert ends(world) == ["idle"]


def test_idleness_counts_from_the_moment_the_knob_is_turned():
    world = quiet_world()
    token = world.tokens.by_client_credentials(world.client)
    pass_time(world, 30)
    world.turn({"idle_token_s": 60})
    pass_time(world, 31)
    assert world.tokens.find(token.value) is None


def test_idleness_spares_tokens_without_a_user_by_knob():
    world = quiet_world(idle_token_s=60, idle_without_user=False)
    token = world.tokens.by_client_credentials(world.client)
    pass_time(world, 3600)
    assert world.tokens.find(token.value) is token


def test_revoking_ends_access_and_refresh():
    world = quiet_world()
    client, token = signed_in(world)
    world.tokens.revoke(token)
    assert world.tokens.find(token.value) is None
    assert refused(lambda: world.tokens.by_refresh(client=client, refresh=token.refresh)) == (
        400,
        "invalid_grant",
    )


def test_all_tokens_of_a_user_can_be_revoked_and_others_stay():
    world = quiet_world()
    signed_in(world)
    signed_in(world)
    other = world.tokens.by_client_credentials(world.client)
    assert world.tokens.revoke_of(user_id=world.agents[0].id) == 2
    assert world.tokens.find(other.value) is other


def test_request_301_is_the_first_refused_and_the_wait_is_enough():
    world = quiet_world()
    token = world.tokens.by_client_credentials(world.client)
    rates = [world.tokens.count(token) for _ in range(301)]
    assert (rates[0].count, rates[0].allowed, rates[0].reset) == (1, 300, 61)
    assert [rate.exceeded for rate in rates] == [False] * 300 + [True]
    pass_time(world, rates[-1].reset)
    again = world.tokens.count(token)
    assert (again.count, again.exceeded) == (1, False)


def test_the_wait_is_from_1_to_61_seconds_and_refusals_do_not_prolong_it():
    world = quiet_world()
    client = world.add_client(grant="client_credentials", rate_per_minute=1)
    token = world.tokens.by_client_credentials(client)
    waits = []
    for _ in range(60):
        waits.append(world.tokens.count(token).reset)
        pass_time(world, 0.999)
    assert (max(waits), min(waits)) == (61, 2)
    pass_time(world, 0.05)
    assert world.tokens.count(token).reset == 1


def test_the_rate_is_counted_per_token():
    world = quiet_world()
    client = world.add_client(grant="client_credentials", rate_per_minute=1)
    first, second = (world.tokens.by_client_credentials(client) for _ in range(2))
    world.tokens.count(first)
    assert world.tokens.count(first).exceeded
    assert not world.tokens.count(second).exceeded


def test_no_secret_is_in_a_repr():
    world = quiet_world()
    client, token = signed_in(world)
    shown = repr(token) + repr(client) + repr(world.agents[0])
    for secret in (token.value, token.refresh, client.secret, world.agents[0].password):
        assert secret not in shown

"""The official Python SDK, unmodified, against the simulator: only its gateway setting points here."""

import asyncio
import base64
import hashlib
import json
from urllib.parse import urlsplit

import aiohttp
import pytest

from simulator import Simulator
from twin import contract
from twin.platform_client import REDIRECT, returned, sign_in

pytestmark = [pytest.mark.xdist_group("python-sdk"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="session")
def sdk():
    """Importing the SDK takes seconds."""
    import PureCloudPlatformClientV2

    return PureCloudPlatformClientV2


class Sdk:
    """The SDK's clients for one world."""

    def __init__(self, sdk, twin: Simulator) -> None:
        self.sdk = sdk
        self.twin = twin
        self.client = sdk.api_client.ApiClient()
        parts = urlsplit(twin.api_url)
        self.client.set_gateway(parts.hostname, parts.scheme, parts.port, "", "")
        self.users = sdk.UsersApi(self.client)
        self.calls = sdk.ConversationsApi(self.client)
        self.analytics = sdk.AnalyticsApi(self.client)
        self.notifications = sdk.NotificationsApi(self.client)
        self.routing = sdk.RoutingApi(self.client)
        self.tokens = sdk.TokensApi(self.client)
        self.authorization = sdk.AuthorizationApi(self.client)
        self.teams = sdk.TeamsApi(self.client)
        self.oauth = sdk.OAuthApi(self.client)

    def sign_in_service(self) -> "Sdk":
        self.client.get_client_credentials_token(self.twin.client_id, self.twin.client_secret)
        return self

    def body(self, **members: object):
        """The body of a participant's change."""
        made = self.sdk.MediaParticipantRequest()
        for name, value in members.items():
            setattr(made, name, value)
        return made

    def refusal(self, call, *arguments: object, **named: object):
        """The exception that a call must raise."""
        with pytest.raises(self.sdk.rest.ApiException) as refused:
            call(*arguments, **named)
        return refused.value


@pytest.fixture
def service(sdk, twin) -> Sdk:
    return Sdk(sdk, twin).sign_in_service()


@pytest.fixture
def person(sdk, twin) -> Sdk:
    """Signed in as the first agent by the code grant; `made` is the OAuth client."""
    made = twin.control("POST", "/clients", {"grant": "code"})
    asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT}
    code = returned(sign_in(twin, twin.agents[0], asked))["code"]
    signed = Sdk(sdk, twin)
    signed.client.get_code_authorization_token(made["id"], made["secret"], code, REDIRECT)
    return signed


def test_client_credentials_and_the_token(service, twin):
    known = service.tokens.get_tokens_me()
    assert known.organization.id == twin.org["id"]
    assert known.o_auth_client.id == twin.client_id
    service.tokens.delete_tokens_me()
    assert service.refusal(service.tokens.get_tokens_me).status == 401


def test_a_wrong_secret_is_refused(sdk, twin):
    wrong = Sdk(sdk, twin)
    refused = wrong.refusal(wrong.client.get_client_credentials_token, twin.client_id, "wrong")
    assert refused.status == 401


def test_the_code_grant_and_its_refresh(person, twin):
    me = person.users.get_users_me(expand=["authorization", "organization"])
    assert me.email == twin.agents[0].email
    assert "conversation:communication:disconnect" in me.authorization.permissions
    old = person.client.access_token, person.client.refresh_token
    person.client.refresh_code_authorization_token(
        person.client.client_id, person.client.client_secret, person.client.refresh_token
    )
    assert person.client.access_token != old[0]
    assert person.client.refresh_token != old[1]
    assert person.users.get_users_me().id == twin.agents[0].id


def test_an_expired_token_is_refreshed_by_the_sdk_itself(person, twin):
    before = person.client.access_token
    twin.advance(86_401)
    assert person.users.get_users_me().id == twin.agents[0].id
    assert person.client.access_token != before
    assert [entry["status"] for entry in twin.requests()] == [401, 200]


def test_pkce_by_hand(sdk, twin):
    signed = Sdk(sdk, twin)
    verifier = signed.client.generate_pkce_code_verifier(64)
    challenge = signed.client.compute_pkce_code_challenge(verifier)
    digest = hashlib.sha256(verifier.encode()).digest()
    assert challenge == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    asked = {
        "client_id": twin.public_client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": "s1",
    }
    back = returned(sign_in(twin, twin.agents[2], asked))
    assert back["state"] == "s1"
    signed.client.get_pkce_token(twin.public_client_id, verifier, back["code"], REDIRECT)
    assert signed.users.get_users_me().id == twin.agents[2].id


def test_users_are_searched_read_and_listed(service, sdk, twin):
    wanted = sdk.UserSearchRequest()
    criterion = sdk.UserSearchCriteria()
    criterion.type, criterion.fields, criterion.value = "EXACT", ["email"], twin.agents[0].email
    wanted.query, wanted.page_size = [criterion], 2
    found = service.users.post_users_search(wanted)
    assert [one.id for one in found.results] == [twin.agents[0].id]
    known = service.users.get_user(
        twin.agents[0].id, expand=["presence", "routingStatus", "conversationSummary"]
    )
    assert known.conversation_summary.call.enterprise.active == 0
    ids = [agent.id for agent in twin.agents[:3]]
    assert {one.id for one in service.users.get_users(id=ids, page_size=100).entities} == set(ids)


def test_queues_members_teams_and_rights_are_read(service, twin):
    queue = service.routing.get_routing_queues(page_size=100).entities[0]
    again = service.routing.get_routing_queues(name=queue.name).entities
    assert [one.id for one in again] == [queue.id]
    members = service.routing.get_routing_queue_members(queue.id, expand=["presence"], joined=True).entities
    assert members[0].user.presence.presence_definition.system_presence
    team = service.teams.get_teams().entities[0]
    assert service.teams.get_team_members(team.id).entities
    with pytest.deprecated_call():
        permitted = service.authorization.get_authorization_divisionspermitted_me(
            "conversation:agentlessCall:add"
        )
    assert permitted[0].home_division
    assert service.authorization.get_authorization_subjects_me().grants[0].role.policies
    assert "conversations" in [one.id for one in service.oauth.get_oauth_scopes().entities]


def test_a_call_is_read_both_ways(service, twin):
    call = twin.place_call()
    leg = twin.leg(call)["id"]
    as_call = service.calls.get_conversations_call(call["id"])
    as_whole = service.calls.get_conversation(call["id"])
    assert next(one for one in as_call.participants if one.id == leg).muted is False
    assert next(one for one in as_whole.participants if one.id == leg).calls[0].muted is False
    assert service.calls.get_conversations_calls().entities == []


def test_a_mute_on_behalf_and_back(service, twin):
    call = twin.place_call()
    leg = twin.leg(call)["id"]
    for muted in (True, False):
        change = service.calls.patch_conversations_call_participant_user_user_id
        assert change(call["id"], leg, twin.agents[0].id, service.body(muted=muted)) is None
        twin.wait_until(lambda muted=muted: twin.leg(call)["muted"] is muted)
    assert [entry["body"] for entry in twin.requests("PATCH")] == [{"muted": True}, {"muted": False}]


def test_a_plain_mute_is_refused_to_a_service_and_done_for_a_party(service, person, twin):
    call = twin.place_call()
    leg = twin.leg(call)["id"]
    refused = service.refusal(
        service.calls.patch_conversations_call_participant, call["id"], leg, service.body(muted=True)
    )
    assert refused.status == 403
    assert json.loads(refused.body)["code"] == "not.authorized"
    person.calls.patch_conversations_call_participant(call["id"], leg, person.body(muted=True))
    twin.wait_until(lambda: twin.leg(call)["muted"])
    assert [one.id for one in person.calls.get_conversations_calls().entities] == [call["id"]]


def test_a_recording_is_paused_by_its_own_endpoint(service, sdk, twin):
    call = twin.place_call()
    wanted = sdk.SetRecordingState()
    wanted.recording_state = "PAUSED"
    assert service.calls.put_conversations_call_recordingstate(call["id"], wanted) == "PAUSED"
    assert service.calls.get_conversation(call["id"]).secure_pause


def test_the_activity_query_finds_the_call(service, sdk, twin):
    call = twin.place_call()
    wanted, metric = sdk.ConversationActivityQuery(), sdk.ConversationActivityQueryMetric()
    metric.metric, metric.details = "oInteracting", True
    wanted.metrics, wanted.group_by = [metric], ["userId"]
    predicate, narrowed = sdk.ConversationActivityQueryPredicate(), sdk.ConversationActivityQueryFilter()
    predicate.type, predicate.dimension, predicate.operator = "dimension", "userId", "matches"
    predicate.value = twin.agents[0].id
    narrowed.type, narrowed.predicates = "and", [predicate]
    wanted.filter = narrowed
    (result,) = service.analytics.post_analytics_conversations_activity_query(wanted).results
    assert [one.conversation_id for one in result.entities] == [call["id"]]


def test_the_details_query_finds_the_call(service, sdk, twin):
    call = twin.place_call()
    twin.advance(10)
    predicate, narrowed = sdk.SegmentDetailQueryPredicate(), sdk.SegmentDetailQueryFilter()
    predicate.type, predicate.dimension, predicate.operator = "dimension", "userId", "matches"
    predicate.value = twin.agents[0].id
    narrowed.type, narrowed.predicates = "and", [predicate]
    wanted = sdk.ConversationQuery()
    now = twin.control("GET", "/state")["now"]
    wanted.interval = f"{contract.stamp_of(now - 3600)}/{contract.stamp_of(now + 3600)}"
    wanted.segment_filters = [narrowed]
    answer = service.analytics.post_analytics_conversations_details_query(wanted)
    assert [one.conversation_id for one in answer.conversations] == [call["id"]]


async def test_a_mute_arrives_on_a_channel(service, sdk, twin):
    call = twin.place_call()
    channel = service.notifications.post_notifications_channels()
    topic = sdk.ChannelTopic()
    topic.id = f"v2.users.{twin.agents[0].id}.conversations.calls"
    listed = service.notifications.put_notifications_channel_subscriptions(
        channel.id, [topic], ignore_errors=True
    )
    assert [one.state for one in listed.entities] == ["Permitted"]
    assert (
        service.notifications.get_notifications_channel_subscriptions(channel.id).entities[0].id == topic.id
    )
    service.notifications.head_notifications_channel(channel.id)
    assert [one.id for one in service.notifications.get_notifications_channels().entities] == [channel.id]
    async with aiohttp.ClientSession() as session, session.ws_connect(channel.connect_uri) as socket:
        change = service.calls.patch_conversations_call_participant_user_user_id
        leg = twin.leg(call)["id"]
        await asyncio.to_thread(change, call["id"], leg, twin.agents[0].id, service.body(muted=True))
        event = await socket.receive_json(timeout=20)
        contract.check_event(event)
        assert next(one["muted"] for one in event["eventBody"]["participants"] if one["id"] == leg)
    service.notifications.delete_notifications_channel_subscriptions(channel.id)
    assert service.notifications.get_notifications_channel_subscriptions(channel.id).entities == []
    topics = service.notifications.get_notifications_availabletopics(expand=["requiresPermissions"]).entities
    assert "v2.users.{id}.conversations.calls" in [one.id for one in topics]


def test_a_429_is_waited_out_by_the_sdk(service, twin):
    twin.fault("rate_storm", match={"path": "/api/v2/tokens/me"}, seconds=1, times=1)
    service.tokens.get_tokens_me()
    assert [entry["status"] for entry in twin.requests("GET")] == [429, 200]


def test_a_cut_patch_is_sent_again_by_the_sdk(service, twin):
    call = twin.place_call()
    twin.fault("apply_then_reset", match={"method": "PATCH"}, times=1)
    change = service.calls.patch_conversations_call_participant_user_user_id
    change(call["id"], twin.leg(call)["id"], twin.agents[0].id, service.body(muted=True))
    assert [entry["status"] for entry in twin.requests("PATCH")] == [None, 202]

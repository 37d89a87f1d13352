"""The vendor's wire shapes of people, queues, teams and divisions."""

from collections.abc import Mapping

from micgate.twin.answers import Wire, stamp
from micgate.twin.calls import Media, Summary
from micgate.twin.people import Division, People, Queue, Team, User

PRESENCE_IDS = {
    "AVAILABLE": "6a3af858-942f-489d-9700-5f9bcdcdae9b",
    "ON_QUEUE": "e08eaf1b-ee47-4fa9-a231-1200e284798f",
    "BUSY": "31fe3bac-dea6-44b7-bed7-47f91660a1a0",
    "MEAL": "3fd96123-badb-4f69-bc03-1b1ccc6d8014",
    "BREAK": "227b37e2-f1d0-4dd0-8f50-badd7cf6d158",
    "MEETING": "ef0f44ec-1e0c-48c3-a1d1-1ef2a1fcb6e9",
    "AWAY": "5e5c5c66-ea97-4e7f-ac41-6424784829f2",
    "OFFLINE": "ccf3c10a-aa2c-4845-8e8d-f59fa48c58e5",
}


def user(known: User, people: People) -> Wire:
    return {
        "id": known.id,
        "name": known.name,
        "division": division_reference(people.divisions[known.division_id]),
        "chat": {"jabberId": f"{known.id}@simulator.invalid"},
        "department": known.department,
        "email": known.email,
        "primaryContactInfo": [{"address": known.email, "mediaType": "EMAIL", "type": "PRIMARY"}],
        "addresses": [],
        "state": known.state,
        "title": known.title,
        "username": known.email,
        "version": known.version,
        "acdAutoAnswer": False,
        "selfUri": f"/api/v2/users/{known.id}",
    }


def presence(known: User) -> Wire:
    definition = PRESENCE_IDS[known.presence]
    return {
        "source": "PURECLOUD",
        "primary": True,
        "presenceDefinition": {
            "id": definition,
            "systemPresence": known.presence,
            "selfUri": f"/api/v2/presencedefinitions/{definition}",
        },
        "message": "",
        "modifiedDate": stamp(known.presence_since),
        "selfUri": f"/api/v2/users/{known.id}/presences/PURECLOUD",
    }


def presence_event(known: User) -> Wire:
    """PresenceEventUserPresence."""
    return {
        "source": "PURECLOUD",
        "presenceDefinition": {"id": PRESENCE_IDS[known.presence], "systemPresence": known.presence},
        "primary": True,
        "message": "",
        "modifiedDate": stamp(known.presence_since),
    }


def routing_status(known: User) -> Wire:
    return {"userId": known.id, "status": known.routing, "startTime": stamp(known.routing_since)}


def routing_status_event(known: User) -> Wire:
    """UserRoutingStatusUserRoutingStatus."""
    return {
        "id": known.id,
        "routingStatus": {"status": known.routing, "startTime": stamp(known.routing_since)},
    }


def activity_event(known: User) -> Wire:
    """AgentActivityChangedTopicAgentActivity."""
    return {
        "id": known.id,
        "routingStatus": {"status": known.routing, "startTime": stamp(known.routing_since)},
        "presence": {
            "presenceDefinition": {"id": PRESENCE_IDS[known.presence], "systemPresence": known.presence},
            "presenceMessage": "",
            "modifiedDate": stamp(known.presence_since),
        },
        "activeQueueIds": list(known.queue_ids),
    }


def conversation_summary(user_id: str, counts: Mapping[Media, Summary]) -> Wire:
    """UserConversationSummary, also the body of the conversationsummary topic."""
    shape: Wire = {"userId": user_id}
    for medium in ("call", "callback", "email", "message", "chat", "socialExpression", "video"):
        shape[medium] = _medium_summary(
            next((s for media, s in counts.items() if media == medium), Summary())
        )
    return shape


def _medium_summary(summary: Summary) -> Wire:
    return {
        "contactCenter": {"active": summary.contact_center_active, "acw": summary.contact_center_acw},
        "enterprise": {"active": summary.enterprise_active, "acw": summary.enterprise_acw},
    }


def queue(known: Queue, people: People) -> Wire:
    joined = sum(known.members.values())
    return {
        "id": known.id,
        "name": known.name,
        "division": division_reference(people.divisions[known.division_id]),
        "dateCreated": stamp(known.created_at),
        "memberCount": len(known.members),
        "userMemberCount": len(known.members),
        "joinedMemberCount": joined,
        "selfUri": f"/api/v2/routing/queues/{known.id}",
    }


def queue_member(known: User, of: Queue, people: People) -> Wire:
    return {
        "id": known.id,
        "name": known.name,
        "user": user(known, people),
        "ringNumber": 1,
        "joined": of.members[known.id],
        "memberBy": "user",
        "routingStatus": routing_status(known),
        "selfUri": f"/api/v2/routing/queues/{of.id}/members/{known.id}",
    }


def queue_member_event(known: User, of: Queue) -> Wire:
    """QueueUserEventTopicQueueMember."""
    return {
        "id": known.id,
        "user": {"id": known.id},
        "queueId": of.id,
        "joined": of.members.get(known.id, False),
    }


def team(known: Team, people: People) -> Wire:
    return {
        "id": known.id,
        "name": known.name,
        "division": division_reference(people.divisions[known.division_id]),
        "dateCreated": stamp(known.created_at),
        "dateModified": stamp(known.created_at),
        "memberCount": len(known.member_ids),
        "selfUri": f"/api/v2/teams/{known.id}",
    }


def division_reference(known: Division) -> Wire:
    return {
        "id": known.id,
        "name": known.name,
        "selfUri": f"/api/v2/authorization/divisions/{known.id}",
    }


def division(known: Division) -> Wire:
    """AuthzDivision."""
    return division_reference(known) | {"description": "", "homeDivision": known.home}

"""What `micgate set` does, written with the official SDK: find the participant, mute, read until it is so.

The conversation is given, which spares it the look-ups that micgate makes.
"""

import os
import sys
import time
from urllib.parse import urlsplit

import PureCloudPlatformClientV2


def main(conversation_id: str, user_id: str, flag: str) -> None:
    calls = PureCloudPlatformClientV2.ConversationsApi(signed_in())
    wanted = flag == "--muted"
    participant = own(calls, conversation_id, user_id)
    calls.patch_conversations_call_participant_user_user_id(
        conversation_id, participant.id, user_id, {"muted": wanted}
    )
    while own(calls, conversation_id, user_id).muted is not wanted:
        time.sleep(0.05)


def signed_in() -> "PureCloudPlatformClientV2.api_client.ApiClient":
    url = urlsplit(os.environ["GENESYS_REGION"])
    client = PureCloudPlatformClientV2.api_client.ApiClient()
    client.set_gateway(url.hostname, url.scheme, url.port or -1, "", "")
    return client.get_client_credentials_token(
        os.environ["GENESYS_CLIENT_ID"], os.environ["GENESYS_CLIENT_SECRET"]
    )


def own(
    calls: "PureCloudPlatformClientV2.ConversationsApi", conversation_id: str, user_id: str
) -> "PureCloudPlatformClientV2.CallMediaParticipant":
    call = calls.get_conversations_call(conversation_id)
    return next(one for one in call.participants if one.user and one.user.id == user_id)


if __name__ == "__main__":
    main(*sys.argv[1:])

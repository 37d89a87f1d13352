"""Placing, looking at, extending and releasing mutes over HTTP."""


async def test_a_mute_of_a_call_that_is_known_is_pending_and_stands(desk):
    call = await desk.on_call()
    answer = await desk.mute(reason="customer", **{"for": "90s"})
    assert answer.status == 201, answer.body
    assert answer.body["state"] == "pending"
    assert answer.body["conversation_id"] == call
    assert answer.headers["Location"] == f"/v1/mutes/{answer.body['id']}"
    listed = await desk.ask("GET", "/v1/mutes")
    assert [one["id"] for one in listed.body["mutes"]] == [answer.body["id"]]

"""The application: which resources there are, and what they share."""

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler

from micgate.service.http.problems import Handler
from micgate.service.request.access import Gatekeeper, principal_of
from micgate.service.request.gate import BODY_BYTES, Gate
from micgate.service.request.parts import Parts
from micgate.service.request.stream import Stream
from micgate.service.resources import (
    agents,
    audit,
    brake,
    budget,
    description,
    events,
    health,
    keys,
    me,
    mutes,
    protections,
    renewal,
    webhooks,
)
from micgate.service.resources.health import Health
from micgate.service.telemetry.traced import Requests, no_request

RESOURCES: tuple[ControllerRouterHandler, ...] = (
    *(mutes.place_mute, mutes.list_mutes, mutes.get_mute, mutes.extend_mute, mutes.release_mute),
    *(renewal.renew_mute, budget.show_budget),
    *(agents.list_microphones, agents.explain_agent, me.show_me),
    *(brake.freeze_all, brake.unfreeze_all, brake.show_brake),
    *(audit.list_records, audit.export_records, audit.show_checkpoint),
    *(keys.add_key, keys.list_keys, keys.rotate_key, keys.revoke_key),
    *(webhooks.add_webhook, webhooks.list_webhooks, webhooks.remove_webhook, webhooks.rotate_webhook),
    *(webhooks.test_webhook, webhooks.replay_webhook, webhooks.list_deliveries),
    *(protections.list_protections, protections.protect, protections.unprotect),
    *(health.show_alive, health.show_ready, health.show_metrics),
    events.stream_events,
)


def make(
    parts: Parts, *, stream: Stream, health: Health, local: bool, traced: Requests = no_request
) -> ASGIApp:
    """`local`: only this machine can reach it, so figures and descriptions need no key."""
    app = Litestar(
        route_handlers=RESOURCES,
        dependencies={
            "parts": Provide(lambda: parts, sync_to_thread=False),
            "stream": Provide(lambda: stream, sync_to_thread=False),
            "health": Provide(lambda: health, sync_to_thread=False),
            "principal": Provide(principal_of, sync_to_thread=False),
        },
        guards=[Gatekeeper(parts, local=local)],
        exception_handlers={Exception: Handler(parts.log)},
        openapi_config=description.config(RESOURCES, local=local),
        request_max_body_size=BODY_BYTES,
        logging_config=None,
        debug=False,
    )
    return Gate(app, health.metrics, traced=traced)

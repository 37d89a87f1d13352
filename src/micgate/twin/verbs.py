"""What people do with their telephones, by the names of the control surface."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from micgate.twin.calls import Conversation
from micgate.twin.refusals import Impossible
from micgate.twin.telephony import Telephony
from micgate.twin.wishes import Deed

Given = TypeVar("Given")

Verb: TypeAlias = Callable[[Telephony, str, Deed], Conversation]


def _named(value: Given | None, name: str) -> Given:
    if value is None:
        raise Impossible(f"{name} is missing.", status=400)
    return value


VERBS: dict[str, Verb] = {
    "answer": lambda phones, call, deed: phones.answer(call, agent=deed.agent),
    "hold": lambda phones, call, deed: phones.hold(call, agent=deed.agent),
    "retrieve": lambda phones, call, deed: phones.retrieve(call, agent=deed.agent),
    "disconnect": lambda phones, call, deed: phones.disconnect(call, agent=deed.agent),
    "transfer": lambda phones, call, deed: phones.transfer(
        call,
        agent=_named(deed.agent, "agent"),
        to=_named(deed.to, "to"),
        blind=deed.blind,
        connected=deed.connected,
    ),
    "consult": lambda phones, call, deed: phones.consult(
        call, agent=_named(deed.agent, "agent"), to=_named(deed.to, "to"), connected=deed.connected
    ),
    "conference": lambda phones, call, deed: phones.conference(
        call, agent=_named(deed.agent, "agent"), to=_named(deed.to, "to"), connected=deed.connected
    ),
    "press-mute": lambda phones, call, deed: phones.press_mute(
        call, agent=_named(deed.agent, "agent"), muted=_named(deed.muted, "muted")
    ),
    "press-record": lambda phones, call, deed: phones.press_record(
        call, paused=_named(deed.paused, "paused")
    ),
    "voicemail": lambda phones, call, deed: phones.voicemail(call, agent=_named(deed.agent, "agent")),
    "no-answer": lambda phones, call, deed: phones.no_answer(call, agent=_named(deed.agent, "agent")),
    "barge": lambda phones, call, deed: phones.barge(call, agent=_named(deed.agent, "agent")),
    "end-wrapup": lambda phones, call, deed: phones.end_wrapup(call, agent=_named(deed.agent, "agent")),
}

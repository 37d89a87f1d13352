"""Who may mute whom. Pure: what has to be known is looked up before."""

from dataclasses import dataclass

from micgate.control.policy import OnOverride, spoken
from micgate.service.http.errors import NotPermitted
from micgate.service.principals.principal import Limits, Principal, Scope

EVERYBODY = "*"
"""In place of a queue's id: all agents of the org."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue that a call came from. `members` None is unknown; `muted` of this principal's already."""

    id: str
    members: int | None = None
    muted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose microphone, and on which call. `queue` None: the call came from no queue.

    `queue_known` false: nobody could say. `protected`: the agent, or the queue, is marked.
    """

    user_id: str
    covers_agent: bool
    on_override: OnOverride
    seconds: float
    queue: Queue | None = None
    queue_known: bool = False
    protected: bool = False


def needs_queue(limits: Limits, *, protected_queues: bool) -> bool:
    """Whether the queue has to be looked up at all."""
    return protected_queues or limits.queues is not None or limits.queue_share is not None


def check(principal: Principal, asked: Asked) -> None:
    """Raise `NotPermitted` unless this principal may place this mute."""
    limits = principal.limits
    demand(principal, Scope.MUTE)
    if asked.on_override is OnOverride.REASSERT:
        demand(principal, Scope.REASSERT)
    check_agent(principal, asked.user_id)
    check_protected(protected=asked.protected)
    check_longest(principal, asked.seconds)
    if asked.covers_agent:
        _check_everywhere(limits)
        if limits.queue_share is not None:
            _check_share(asked.queue or Queue(id=EVERYBODY), limits.queue_share)
    else:
        _check_queue(limits, asked)


def demand(principal: Principal, scope: Scope) -> None:
    if not principal.has(scope):
        raise _refused(
            f"This key lacks the scope {scope}.",
            remedy=f"Use one that has it. On the service's host: micgate keys add NAME --scope {scope}",
            rule=f"scope:{scope}",
        )


def check_agent(principal: Principal, user_id: str) -> None:
    """Also for those who only look."""
    if not principal.may_see(user_id):
        raise _refused(
            "This key is not for that agent.", remedy="Ask an administrator to widen it.", rule="agents"
        )


def check_brake(principal: Principal) -> None:
    """It ends the mutes of everybody, and lets nobody place new ones."""
    if principal.limits.agents is not None or principal.limits.queues is not None:
        raise _refused(
            "This key is for some agents or queues only, and the brake is everybody's.",
            remedy="Release their mutes one by one, or pull it on the host: micgate freeze.",
            rule="brake",
        )


def check_marks(principal: Principal) -> None:
    """Whom nobody mutes alone is decided for everybody: a mark that one key takes off counts for all."""
    if principal.limits.agents is not None or principal.limits.queues is not None:
        raise _refused(
            "This key is for some agents or queues only, and a protection is for all keys.",
            remedy="Use one without that limit.",
            rule="protections",
        )


def check_protected(*, protected: bool) -> None:
    if protected:
        raise _refused(
            "This agent, or the queue of the call, is protected: nobody mutes it alone.",
            remedy="Ask an administrator.",
            rule="protected",
        )


def check_longest(principal: Principal, seconds: float) -> None:
    if seconds > principal.limits.longest:
        raise _refused(
            f"This key mutes for at most {spoken(principal.limits.longest)}.",
            remedy="Ask for less, or for another key.",
            rule="longest",
        )


def _check_everywhere(limits: Limits) -> None:
    if limits.queues is not None:
        raise _refused(
            "This key is for certain queues, and the agent's next call may come from another.",
            remedy="Mute one call: covers=call.",
            rule="queues",
        )


def _check_queue(limits: Limits, asked: Asked) -> None:
    bounded = limits.queues is not None or limits.queue_share is not None
    if bounded and not asked.queue_known:
        raise _refused("Nobody can say from which queue the call came.", remedy="Try again.", rule="queues")
    if limits.queues is not None and (asked.queue is None or asked.queue.id not in limits.queues):
        raise not_its_queue()
    if asked.queue is not None and limits.queue_share is not None:
        _check_share(asked.queue, limits.queue_share)


def _check_share(queue: Queue, share: float) -> None:
    if queue.members is None:
        raise _refused("Nobody can say how large the queue is.", remedy="Try again.", rule="queue_share")
    most = max(1, int(queue.members * share))
    whom = "agents here on all their calls" if queue.id == EVERYBODY else "members of a queue"
    if queue.muted >= most:
        raise _refused(
            f"This key mutes at most {most} of the {queue.members} {whom} at once.",
            remedy="Release one first.",
            rule="queue_share",
        )


def not_its_queue() -> NotPermitted:
    return _refused(
        "This key is not for the queue of that call.",
        remedy="Ask an administrator to widen it.",
        rule="queues",
    )


def _refused(what: str, *, remedy: str, rule: str) -> NotPermitted:
    return NotPermitted(what, remedy=remedy, rule=rule)

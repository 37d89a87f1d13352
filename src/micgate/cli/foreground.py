"""`micgate mute` as people and programs see it."""

from typing import Any

import msgspec

from micgate.cli import microphone, once, show, signals
from micgate.cli.ending import Ending, ending
from micgate.direct.foreground import mute_in_foreground
from micgate.direct.progress import ENDS, Ended, Progress
from micgate.direct.sync import SyncGenesys
from micgate.direct.wish import Wish
from micgate.genesys.reading import Call
from micgate.settings import Settings


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """As given on the command line, not yet checked."""

    agent: str | None
    conversation_id: str | None
    for_: str | None
    reason: str | None
    note: str | None

    def wish(self) -> Wish:
        return Wish.checked(for_=self.for_, reason=self.reason, note=self.note)


def run(order: Order, settings: Settings, output: show.Output) -> int:
    signals.heed(also_ignored=True)
    wish = order.wish()
    teller = _Teller(output, settings, wish)
    with microphone.direct(settings, output) as genesys:
        microphone.name_forgotten(genesys, settings, output)
        try:
            ended = mute_in_foreground(
                genesys,
                lambda: _find(genesys, settings, order),
                wish,
                state_dir=settings.state_dir,
                tell=teller.tell,
                found=teller.found,
            )
            signals.rest()
        except signals.Stopped as stopped:
            return teller.stopped(stopped)
    return teller.conclude(ended)


def rehearse(order: Order, settings: Settings, output: show.Output) -> int:
    """`--dry-run`: everything but the change."""
    wish = order.wish()
    with microphone.direct(settings, output) as genesys:
        call = _find(genesys, settings, order)
    sends = call.muted is not True
    what = (
        f"would mute {microphone.name(call)} for {show.span(wish.seconds)} and then open the microphone again"
    )
    kept = f"would change nothing: {microphone.name(call)} is muted already and would stay so"
    members = {
        "event": "dry_run",
        "would_send": sends,
        "seconds": wish.seconds,
        "reason": wish.reason,
        **_members(call),
    }
    output.result(f"It {what if sends else kept}. Call {call.conversation_id}.", members)
    return 0


def _find(genesys: SyncGenesys, settings: Settings, order: Order) -> Call:
    return microphone.find_call(genesys, settings, agent=order.agent, conversation_id=order.conversation_id)


class _Teller:
    """Tells the mute's progress as it comes, and its end once."""

    def __init__(self, output: show.Output, settings: Settings, wish: Wish) -> None:
        self._output = output
        self._settings = settings
        self._wish = wish
        self._agent = "the agent"
        self._last: Progress | None = None
        self._confirmed_ms: float | None = None
        self._said = ""

    def found(self, call: Call) -> None:
        self._agent = microphone.name(call)
        self._output.note(
            f"Muting {self._agent} for {show.span(self._wish.seconds)}, reason {self._wish.reason}, on call "
            f"{call.conversation_id}. Ctrl-C gives the microphone back."
        )
        if call.others_held:
            self._output.note(f"Of {call.others_held + 1} calls it is the one that is not on hold.")
        elif call.held:
            self._output.note("The call is on Genesys hold: nobody hears the agent now anyway.")

    def tell(self, progress: Progress) -> None:
        if progress.word in ENDS:
            self._last = progress
        if progress.word in ENDS and not _is_early(progress):
            return
        if progress.word == "confirmed" and progress.result:
            self._confirmed_ms = progress.result.confirmed_ms
            once.warn_if_slow(self._output, self._settings, progress.result)
        if self._output.as_json:
            self._output.json(_event(progress))
        else:
            self._note(progress)
        if progress.word in _STANDING:
            self._output.countdown(f"{self._agent} is muted, {show.span(progress.seconds_left)} left")

    def stopped(self, stopped: signals.Stopped) -> int:
        if self._last is None:
            self._output.finish_countdown()
            return self._show(Ending(outcome="nothing", message="Nothing was muted.", exit_code=stopped.code))
        return self._show(ending(self._last, agent=self._agent, stopped_by=stopped.code))

    def conclude(self, ended: Ended) -> int:
        return self._show(ending(ended, agent=self._agent))

    def _show(self, found: Ending) -> int:
        self._output.finish_countdown()
        if self._output.as_json:
            self._output.json(self._result(found))
        elif found.remedy:
            self._output.note(found.message)
            self._output.note(f"  {found.remedy}")
        else:
            self._output.say(found.message)
        return found.exit_code

    def _result(self, found: Ending) -> dict[str, Any]:
        seen = _members(self._last.call) if self._last else {}
        members = msgspec.to_builtins(found)
        return {"event": "result", **members, "confirmed_ms": self._confirmed_ms, **seen}

    def _note(self, progress: Progress) -> None:
        """Each thing once: a platform that cannot be read for a minute is one line."""
        said = _TEXTS.get(progress.word, "").format(
            agent=self._agent,
            ms=progress.result.confirmed_ms or 0.0 if progress.result else 0.0,
            error=progress.error.what if progress.error else "",
        )
        if said and said != self._said:
            self._output.note(said)
        self._said = said


_TEXTS = {
    "confirmed": "Muted: Genesys Cloud shows it after {ms:.0f} ms.",
    "kept": "{agent} is muted already: nothing was sent, and nothing will be opened.",
    "unseen": "Not seen for the moment. {error}",
    "moved": "{agent} is on another leg of the call now.",
    "insisting": "Not given back yet, trying again. {error}",
    "settling": "Watching for a late effect of the mute.",
}
_STANDING = frozenset({"confirmed", "kept", "look"})


def _is_early(progress: Progress) -> bool:
    """`kept` is told when the mute begins, with its result, and again when it ends."""
    return progress.word == "kept" and progress.result is not None


def _event(progress: Progress) -> dict[str, Any]:
    result = once.members(progress.call, progress.result) if progress.result else None
    error = {"word": progress.error.word, "message": progress.error.what} if progress.error else None
    seconds_left = round(progress.seconds_left, 1)
    event = {
        "event": progress.word,
        "at": progress.at,
        "seconds_left": seconds_left,
        **_members(progress.call),
    }
    return event | {name: value for name, value in (("result", result), ("error", error)) if value}


def _members(call: Call) -> dict[str, Any]:
    return {
        "agent": call.agent_name,
        "user_id": call.user_id,
        "conversation_id": call.conversation_id,
        "participant_id": call.participant_id,
        "muted": call.muted,
        "held": call.held,
    }

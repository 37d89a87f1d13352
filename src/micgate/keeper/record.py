"""What a keeper writes down: each decision, outcome and observation as entries of the record."""

import secrets
from collections.abc import Mapping

from micgate.audit import entry, facts
from micgate.audit.entry import MICGATE
from micgate.audit.privacy import People, Person, Salt
from micgate.control.command import Command, Outcome
from micgate.control.decide import Decision
from micgate.control.fact import Fact
from micgate.control.mute import End, Mute
from micgate.store.entries import NewEntry
from micgate.store.target import Target
from micgate.store.verbs import Lapse


def _new_salt() -> str:
    return secrets.token_hex(16)


class Recorder:
    """`pseudonyms` are by user id; whoever is written about must be in it by then."""

    def __init__(self, pseudonyms: Mapping[str, str], *, salt: Salt = _new_salt) -> None:
        self._pseudonyms = pseudonyms
        self._salt = salt

    def observed(self, target: Target, seen: tuple[Fact, ...], now: float) -> tuple[NewEntry, ...]:
        """As the store's `Rules.record` wants it."""
        return tuple(self._fact(target, fact, now) for fact in seen)

    def decided(self, target: Target, decision: Decision, *, epoch: int, now: float) -> tuple[NewEntry, ...]:
        """In the order in which it happened: given up, ended, said, intended."""
        gave_up, command = decision.gave_up, decision.command
        told = [self.concluded(target, gave_up)] if gave_up else []
        for ended in decision.ended:
            end = facts.MuteEnded(end=ended.end, ended_at=ended.at, why=ended.why)
            told.append(self._write(target, end, now, mute_id=ended.mute_id))
        told += [self._fact(target, fact, now) for fact in decision.facts]
        if command:
            told.append(self._intended(target, command, epoch=epoch))
        return tuple(told)

    def concluded(self, target: Target, outcome: Outcome, *, seconds: float | None = None) -> NewEntry:
        said = facts.Concluded(
            kind=outcome.kind,
            seconds=seconds,
            status=outcome.status,
            word=outcome.word,
            says=outcome.says,
            correlation_id=outcome.correlation_id,
        )
        return self._write(target, said, outcome.at, command_id=outcome.command_id)

    def late(self, target: Target, outcome: Outcome, *, epoch: int) -> NewEntry:
        said = facts.Late(
            kind=outcome.kind,
            epoch=epoch,
            status=outcome.status,
            word=outcome.word,
            says=outcome.says,
            correlation_id=outcome.correlation_id,
        )
        return self._write(target, said, outcome.at, command_id=outcome.command_id)

    def lapse(self, mute: Mute, at: float, end: End, *, org: str, now: float) -> Lapse:
        """The end of a mute of an agent who is on no call."""
        ended = facts.MuteEnded(end=end, ended_at=at)
        told = self._write(Target(org, "", mute.user_id), ended, now, mute_id=mute.id)
        return Lapse(mute=mute, at=at, end=end, entries=(told,))

    def about_keeper(self, fact: facts.TookOver | facts.ClockStepped, *, now: float) -> NewEntry:
        return entry.write(fact, at=now, actor=MICGATE, target="keeper", salt=self._salt)

    def _intended(self, target: Target, command: Command, *, epoch: int) -> NewEntry:
        said = facts.Intended(
            verb=command.verb, lane=command.lane, epoch=epoch, mutes=command.mutes, leg=command.leg or None
        )
        return self._write(target, said, command.made_at, mute_id=_only(command.mutes), command_id=command.id)

    def _fact(self, target: Target, fact: Fact, now: float) -> NewEntry:
        mutes: tuple[str, ...] = getattr(fact, "mutes", ())
        return entry.write(
            fact,
            at=now,
            actor=entry.actor_of(fact),
            target=self._spelled(target),
            people=_people(target),
            mute_id=_only(mutes),
            salt=self._salt,
        )

    def _write(
        self,
        target: Target,
        fact: facts.Fact,
        at: float,
        *,
        mute_id: str | None = None,
        command_id: str | None = None,
    ) -> NewEntry:
        return entry.write(
            fact,
            at=at,
            actor=MICGATE,
            target=self._spelled(target),
            people=_people(target),
            mute_id=mute_id,
            command_id=command_id,
            salt=self._salt,
        )

    def _spelled(self, target: Target) -> str:
        return self._pseudonyms[target.user_id] if target.user_id else target.subject.value


def _people(target: Target) -> People:
    agent = Person(user_id=target.user_id) if target.user_id else None
    return People(agent=agent, conversation_id=target.conversation_id or None)


def _only(mutes: tuple[str, ...]) -> str | None:
    return mutes[0] if len(mutes) == 1 else None

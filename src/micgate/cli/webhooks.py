"""webhooks: where the service posts its records to, and what became of it."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from micgate.cli import options, show
from micgate.cli.failure import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from micgate.client.sync import Gate
    from micgate.client.webhooks import Delivery, NewWebhook, Webhook


@click.group(
    short_help="Post the record to your own systems, signed, until it arrives.",
    epilog="""\b
Example:  micgate webhooks add crm https://crm.example/micgate --event "mute.*"
          micgate webhooks test crm""",
)
def webhooks() -> None:
    """Where the service posts its records to. Needs the service, and a key with the scope admin."""


@webhooks.command(
    short_help="Post what is sealed from now on to a URL.",
    epilog="""\b
Example:  micgate webhooks add crm https://crm.example/micgate > secret
          micgate webhooks add siem https://siem.example/in --event "*" --json""",
)
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="ACTION",
    shell_complete=lambda _ctx, _param, incomplete: _actions(incomplete),
    help='mute.placed, "brake.*", or "*" for all. May be given several times.  [default: mute.*]',
)
@options.as_json
def add(*, name: str, url: str, events: tuple[str, ...], as_json: bool) -> None:
    """Post records to URL, under a NAME of one word. The secret that is printed is the only copy there is."""
    with _service(as_json=as_json) as (gate, output):
        _show_new(output, gate.add_webhook(name, url, events=events))


@webhooks.command(
    name="list",
    short_help="List them, with what waits and what was given up.",
    epilog="""\b
Example:  micgate webhooks list""",
)
@options.as_json
def list_(*, as_json: bool) -> None:
    """List them. A dead letter is a delivery that was given up: it can be replayed."""
    with _service(as_json=as_json) as (gate, output):
        found = gate.webhooks()
    if as_json:
        output.json({"webhooks": found})
    elif found:
        columns = ("name", "url", "events", "waiting", "dead", "behind")
        output.table(columns, [_row(one) for one in found])
    else:
        output.say("There is no webhook.")


@webhooks.command(
    short_help="Post nothing there any more.",
    epilog="""\b
Example:  micgate webhooks remove crm""",
)
@click.argument("name")
@options.as_json
def remove(*, name: str, as_json: bool) -> None:
    """Post nothing to NAME any more. What was still to be delivered is forgotten."""
    with _service(as_json=as_json) as (gate, output):
        gate.remove_webhook(name)
        output.result(f"{name} is removed.", {"name": name, "removed": True})


@webhooks.command(
    short_help="A new secret; both sign for a while.",
    epilog="""\b
Example:  micgate webhooks rotate crm --overlap 24h > secret""",
)
@click.argument("name")
@click.option("--overlap", default="24h", show_default=True, help="For how long the old one signs too.")
@options.as_json
def rotate(*, name: str, overlap: str, as_json: bool) -> None:
    """Sign what goes to NAME with a new secret, which is printed once, and with the old one meanwhile."""
    with _service(as_json=as_json) as (gate, output):
        _show_new(output, gate.rotate_webhook(name, overlap=overlap))


@webhooks.command(
    short_help="Post an event that tells of nothing.",
    epilog="""\b
Example:  micgate webhooks test crm""",
)
@click.argument("name")
@options.as_json
def test(*, name: str, as_json: bool) -> int:
    """Post an event that tells of nothing to NAME, once, and say what came back. Exit code 1 if not taken."""
    with _service(as_json=as_json) as (gate, output):
        told = gate.test_webhook(name)
        if told.delivered:
            output.result(f"{name} took it: {told.status}, after {told.ms} ms.", told)
            return 0
        output.result(f"{name} did not take it. {told.says}", told)
        if told.remedy:
            output.note(told.remedy)
        return 1


@webhooks.command(
    short_help="List what was posted there, and dead letters.",
    epilog="""\b
Example:  micgate webhooks deliveries crm --state dead""",
)
@click.argument("name")
@click.option("--state", type=click.Choice(["waiting", "done", "dead"]), help="Only these.")
@click.option(
    "--after", type=click.IntRange(0), default=0, metavar="NUMBER", help="Only what comes behind this record."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@options.as_json
def deliveries(*, name: str, state: Any, after: int, limit: int, as_json: bool) -> None:
    """List deliveries to NAME: those that wait, those given up, and what was delivered in the last 3 days."""
    with _service(as_json=as_json) as (gate, output):
        page = gate.webhook_deliveries(name, state=state, after=after, limit=limit)
    if as_json:
        output.json(page)
    elif page.deliveries:
        columns = ("record", "state", "tries", "last try", "next try", "status", "says")
        output.table(columns, [_delivery_row(one) for one in page.deliveries])
    else:
        output.say("There is no such delivery.")


@webhooks.command(
    short_help="Deliver again: dead letters, one record, or all from one on.",
    epilog="""\b
Example:  micgate webhooks replay crm --dead
          micgate webhooks replay crm --from 4711""",
)
@click.argument("name")
@click.option("--dead", is_flag=True, help="All dead letters.")
@click.option("--record", "seq", type=click.IntRange(1), metavar="NUMBER", help="This record.")
@click.option(
    "--from", "from_seq", type=click.IntRange(1), metavar="NUMBER", help="This record and all after."
)
@options.as_json
def replay(*, name: str, dead: bool, seq: int | None, from_seq: int | None, as_json: bool) -> None:
    """Deliver to NAME again what it asks for. Each comes with the id that it had the first time."""
    if sum((dead, seq is not None, from_seq is not None)) != 1:
        raise UsageProblem(
            "What to deliver again is not clear.", remedy="Give one of --dead, --record and --from."
        )
    with _service(as_json=as_json) as (gate, output):
        done = gate.replay_webhook(name, seq=seq, from_seq=from_seq, dead=dead)
        count = "Everything from there on" if done.deliveries is None else f"{done.deliveries} deliveries"
        output.result(
            f"{count} will be posted to {name} again.", {"name": name, "deliveries": done.deliveries}
        )


@contextmanager
def _service(*, as_json: bool) -> "Iterator[tuple[Gate, show.Output]]":
    from micgate.cli import served  # noqa: PLC0415 -- urllib3, for these commands only

    output = show.Output(as_json=as_json)
    with served.needed(options.configured(output)) as gate:
        yield gate, output


def _show_new(output: show.Output, made: "NewWebhook") -> None:
    """The secret alone goes to stdout, so that it can be put into a file."""
    webhook = made.webhook
    if output.as_json:
        output.json({"name": webhook.name, "id": webhook.id, "url": webhook.url, "secret": made.secret})
        return
    output.note(f"{webhook.name} gets {', '.join(webhook.events)}. Its secret is shown this once:")
    output.say(made.secret)


def _row(one: "Webhook") -> tuple[str, ...]:
    numbers = (one.waiting, one.dead, one.behind)
    return (one.name, one.url, ", ".join(one.events), *(str(number) for number in numbers))


def _delivery_row(one: "Delivery") -> tuple[str, ...]:
    status = "" if one.status is None else str(one.status)
    times = (_clock(one.tried_at), _clock(one.next_at))
    return (str(one.seq), one.state, str(one.tries), *times, status, one.says or "")


def _clock(at: "datetime | None") -> str:
    return show.clock(at.timestamp()) if at else ""


def _actions(incomplete: str) -> list[str]:
    """Those that begin so. No patterns: bash would take them for names of files."""
    from micgate.audit.entry import actions  # noqa: PLC0415 -- while completing only

    return [action for action in actions() if action.startswith(incomplete)]

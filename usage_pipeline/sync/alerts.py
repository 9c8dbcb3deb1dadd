"""Alerts to those who run all this: what stopped and what waits for a person, each told once.

Kept in the ledger whether or not a channel is configured, and sent in every channel that is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.accounts import AccountId
from usage_pipeline.channels.client import Channel, ChannelName, Message, message_key
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.rejections import PASSING
from usage_pipeline.errors import Problem
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import telling
from usage_pipeline.sync.applying import Progress, quiet
from usage_pipeline.sync.fitness import Tripped

Kind = Literal["circuit_breaker", "delivery_failed", "waiting_rejections"]
OF_ALERTS = "alerts:"
"""How the ledger's instances for alerts begin: a channel's alerts know nothing of its messages."""


@dataclass(frozen=True)
class Alert:
    """Something for a person to look at; the same kind and key is told once for ever."""

    kind: Kind
    key: str
    """What it is about, and of which morning or since when."""
    title: str
    what: str
    fix: str

    def message(self, channel: ChannelName, as_of: date) -> Message:
        """What a channel is told."""
        return Message(
            key=message_key("", self.kind, self.key, channel),
            account_id=AccountId(""),
            channel=channel,
            created=as_of,
            play=self.kind,
            episode=self.key,
            subject=self.title,
            body=f"{self.what}\n\nWhat to do: {self.fix}" if self.fix else self.what,
            type="operator.alert",
        )


def of_stops(stops: Mapping[str, Problem], as_of: date) -> list[Alert]:
    """One alert per CRM or channel whose delivery of the morning was stopped; a second run is the same stop."""
    return [_of_stop(name, problem, as_of) for name, problem in stops.items()]


def _of_stop(name: str, problem: Problem, as_of: date) -> Alert:
    key = f"{name}, {as_of}"
    if isinstance(problem, Tripped):
        title = f"{name}: the circuit breaker has stopped the delivery of {as_of}"
        return Alert("circuit_breaker", key, title, problem.cause, problem.fix)
    title = f"{name}: the delivery of {as_of} has failed"
    return Alert("delivery_failed", key, title, problem.cause, problem.fix or "repeat `usage-pipeline apply`")


def of_rejections(rejections: pd.DataFrame, now: datetime, after_days: int) -> list[Alert]:
    """One alert per instance and cause that a person must mend and that has waited so many days.

    `rejections` are the ledger's rows. Told again only when further ones have waited too long.
    """
    late: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(frames.rows(rejections), key=lambda row: row["since"]):
        is_passing = row["cause"] in {str(cause) for cause in PASSING}
        # An alert that a channel refuses is no cause for another alert there.
        if is_passing or row["instance"].startswith(OF_ALERTS) or (now - row["since"]).days < after_days:
            continue
        late.setdefault((row["instance"], row["cause"]), []).append(row)
    return [_of_waiting(instance, cause, rows, now) for (instance, cause), rows in sorted(late.items())]


def _of_waiting(instance: str, cause: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> Alert:
    oldest, newest = rows[0], rows[-1]
    count = "1 row waits" if len(rows) == 1 else f"{len(rows):,} rows wait"
    return Alert(
        "waiting_rejections",
        f"{instance}, {cause}, {newest['since']:%Y-%m-%d}",
        f"{instance}: {count} for a person ({cause})",
        f"{count} since {oldest['since']:%Y-%m-%d} or later, refused by {instance}. "
        f"The oldest is {oldest['kind']} of {oldest['account_id']}, {(now - oldest['since']).days} days old: {oldest['detail']}",
        f"{oldest['fix']}. `usage-pipeline rejections` lists every row, `usage-pipeline retry` sends them again",
    )


class Kept:
    """The ledger itself as a channel: every alert is written down, whoever else is told."""

    name: ChannelName = "kept"
    instance = f"{OF_ALERTS}kept"
    sending_class = Class.IDEMPOTENT
    keeps_order = False
    is_on_this_machine = True

    def send(self, message: Message) -> None:
        """Nothing: it is in the ledger, since it was planned."""


class Alerting:
    """A channel's alerts, apart from its messages: with their own once, their own lease and their own rejections."""

    keeps_order = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.name: ChannelName = channel.name
        self.instance = f"{OF_ALERTS}{channel.instance}"
        self.sending_class = channel.sending_class
        self.is_on_this_machine = channel.is_on_this_machine

    def send(self, message: Message) -> None:
        self._channel.send(message)


def tell(
    alerts: Sequence[Alert],
    channels: Sequence[Channel],
    ledger: Ledger,
    *,
    as_of: date,
    now: Callable[[], datetime],
    progress: Progress = quiet,
) -> list[str]:
    """Write the alerts down and send each once in every channel; what stood against it, in words.

    What could not be sent is tried again by the next delivery, as long as the alert is raised.
    """
    problems = []
    listening: list[Channel] = [Kept(), *(Alerting(channel) for channel in channels)]
    for channel in listening:
        # With nothing to tell, only what still waits to be told is looked at: its cause is gone, and it is let go.
        if not alerts and ledger.quarantine(channel.instance).empty:
            continue
        wanted = [one.message(channel.name, as_of) for one in alerts]
        try:
            sent = telling.deliver(
                wanted,
                channel,
                ledger,
                as_of=as_of,
                now=now,
                progress=progress if channel.name != "kept" else quiet,
                # That an old morning is delivered may be the very thing to tell.
                allow_old_morning=True,
            )
        except Problem as problem:
            problems.append(f"alerts to {channel.name}: {problem}")
            continue
        if replace(sent, sent=0, over=0, settled_from_before=0) != telling.Sent():
            problems.append(f"alerts to {channel.name}: {sent.in_short}")
    return problems

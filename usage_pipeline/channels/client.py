"""What a message is, and the one question that every channel answers."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, Protocol

from usage_pipeline.accounts import AccountId
from usage_pipeline.crm.calling import Class

ChannelName = Literal["webhook", "slack", "kept"]
"""`kept` is for alerts alone, which are written down whoever else is told."""

MessageType = Literal["play.opened", "operator.alert"]


@dataclass(frozen=True)
class Message:
    """One episode of a play on an account, or one alert to those who run all this, told once in one channel."""

    key: str
    account_id: AccountId
    """Empty for an alert, which is about no account."""
    channel: ChannelName
    created: date
    """Morning on which it was first to be told; stays, however often it is tried."""
    play: str
    """Of an alert: its kind."""
    episode: str
    """Of an alert: what it is about, and when."""
    subject: str
    body: str
    """Plain text."""
    tier: str | None = None
    """Of the outcome that triggered the play; None where a cohort did."""
    link: str | None = None
    """Where a person finds the account."""
    type: MessageType = "play.opened"

    @property
    def payload(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        kept = asdict(self) | {"created": self.created.isoformat()}
        return {name: value for name, value in kept.items() if name not in {"key", "account_id"}}

    @classmethod
    def of(cls, key: str, account_id: str, payload: Mapping[str, Any]) -> "Message":
        """The message that the ledger kept."""
        kept = dict(payload) | {"created": date.fromisoformat(payload["created"])}
        return cls(key=key, account_id=AccountId(account_id), **kept)


def message_key(account_id: str, play: str, episode: str, channel: str) -> str:
    """The same for the same episode and channel for ever; holds no full stop, which would blur what is signed."""
    parts = "\n".join((account_id, play, episode, channel))
    return "usage_msg_" + hashlib.sha256(parts.encode()).hexdigest()[:40]


class Channel(Protocol):
    """A place that takes messages, one by one."""

    name: ChannelName
    instance: str
    """Under which the ledger keeps what was sent there; says nothing secret."""
    sending_class: Class
    """Idempotent: a repeated message is dropped by its key. Unsafe: it would be read twice."""
    keeps_order: bool
    """A message that did not arrive holds back the later ones of its account."""
    is_on_this_machine: bool

    def send(self, message: Message) -> None:
        """Returns once it has arrived.

        Raises `Refused`, `BudgetSpent`, `Unavailable`, and `OutcomeUnknown` where it may have arrived.
        """

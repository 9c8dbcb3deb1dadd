"""Messages besides the tasks: which there are, one per episode of a play and channel, made from the same decisions."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.accounts import AccountId
from usage_pipeline.channels.client import Channel, ChannelName, Message, message_key
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync.redacting import HIDDEN


def plan(
    decisions: pd.DataFrame,
    sent_keys: Collection[str],
    channels: Mapping[str, Collection[ChannelName]],
    as_of: date,
    *,
    tiers: Mapping[tuple[str, str], str | None] | None = None,
    links: Mapping[str, str] | None = None,
) -> list[Message]:
    """One message per decision `do` and channel of its play, but for `sent_keys`, in the order of their worth.

    `tiers` by account and outcome, `links` by account. What is held out or not done has no message.
    """
    found = []
    for row in sorted(frames.rows(decisions), key=_worth):
        if row["decision"] != "do" or row["episode"] is None:
            continue
        account, play, episode = row["account_id"], row["play"], row["episode"]
        # Whatever triggered the play may be named; nothing else of the account, which may be held out of it.
        tier = (tiers or {}).get((account, row["outcome"])) if row["outcome"] else None
        for channel in dict.fromkeys(channels.get(play, ())):
            key = message_key(account, play, episode, channel)
            if key not in sent_keys:
                subject, body, link = row["subject"] or "", row["body"] or "", (links or {}).get(account)
                found.append(Message(key, AccountId(account), channel, as_of, play, episode, subject, body, tier, link))
    return found


def _worth(row: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    return row["order"] is None, row["order"] or 0, row["account_id"], row["play"]


def account_links(links: pd.DataFrame, *, hubspot: bool, salesforce_url: str) -> dict[str, str]:
    """Where a person finds each matched account, in HubSpot first; without the CRMs that are played by the sandbox."""
    found: dict[str, str] = {}
    for row in sorted(frames.rows(links), key=lambda row: row["crm"]):
        if row["state"] != "matched" or row["account_id"] in found:
            continue
        if row["crm"] == "hubspot" and hubspot:
            portal = row["instance"].partition(":")[2]
            # 0-2 is HubSpot's object type of companies.
            found[row["account_id"]] = f"https://app.hubspot.com/contacts/{portal}/record/0-2/{row['crm_id']}"
        if row["crm"] == "salesforce" and salesforce_url:
            found[row["account_id"]] = f"{salesforce_url.rstrip('/')}/lightning/r/Account/{row['crm_id']}/view"
    return found


def sent_keys(ledger: Ledger, channel: Channel, as_of: date) -> set[str]:
    """What the channel need not be told: it was, it may have been, or a task was open before its first morning.

    The last keeps a new channel from being flooded with every episode that goes on.
    """
    over = {key for key, told in ledger.messages(channel.instance).items() if told.is_over}
    first = min(ledger.first_morning(channel.instance) or as_of, as_of)
    for row in frames.rows(ledger.episodes()):
        if frames.as_day(row["opened_on"]) < first:
            over.add(message_key(row["account_id"], row["play"], row["episode"], channel.name))
    return over


def narrowed(messages: Sequence[Message], accounts: Collection[str] | None, limit: int | None) -> list[Message]:
    """Only those of `accounts`, and of at most `limit` accounts, where they are given."""
    chosen = [one for one in messages if accounts is None or one.account_id in accounts]
    first = set(list(dict.fromkeys(one.account_id for one in chosen))[:limit])
    return [one for one in chosen if one.account_id in first]


def to_markdown(by_channel: Mapping[ChannelName, Sequence[Message]]) -> list[str]:
    """A section per channel, for a person: every message that a delivery would send there."""
    sections = []
    for name, messages in by_channel.items():
        lines = [f"# Messages in {name}: {len(messages)}"]
        if messages:
            lines += ["", "| account | play | subject |", "|---|---|---|"]
            lines += [
                f"| {one.account_id} | {one.play} | {one.subject.replace('|', chr(92) + '|')} |" for one in messages
            ]
        sections.append("\n".join(lines) + "\n")
    return sections


def redacted(message: Message) -> Message:
    """The same message with its account as a short hash, as in a redacted plan, and without words or link."""
    hidden = "hidden-" + hashlib.sha256(message.account_id.encode()).hexdigest()[:8]
    account = AccountId(hidden)
    return replace(message, key=HIDDEN, account_id=account, episode=HIDDEN, subject=HIDDEN, body=HIDDEN, link=None)

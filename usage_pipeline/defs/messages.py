"""`sync`, besides the CRMs: the messages of a morning's plays, and alerts to those who run all this."""

from collections.abc import Collection, Mapping
from datetime import date

import pandas as pd

from usage_pipeline.channels.client import Channel, ChannelName, Message
from usage_pipeline.defs.place import Opened
from usage_pipeline.errors import Problem
from usage_pipeline.lake import Table
from usage_pipeline.ledger import suppressing
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sync import alerts, messages, telling
from usage_pipeline.sync.alerts import Alert
from usage_pipeline.sync.applying import Progress, quiet
from usage_pipeline.sync.telling import Sent


def planned(opened: Opened, as_of: date) -> tuple[dict[ChannelName, list[Message]], list[str]]:
    """By channel, what a delivery of the morning would tell; and what stands against it."""
    found, problems = _planned(opened, as_of)
    return {name: made for name, (_, made) in found.items()}, problems


def tell(
    opened: Opened,
    as_of: date,
    *,
    progress: Progress = quiet,
    accounts: Collection[str] | None = None,
    limit: int | None = None,
    allow_old_morning: bool = False,
) -> tuple[dict[ChannelName, Sent], dict[str, Problem], list[str]]:
    """Send the messages of the morning's plays: what was sent, channels that failed, and those that are not there."""
    found, missing = _planned(opened, as_of)
    told: dict[ChannelName, Sent] = {}
    failed: dict[str, Problem] = {}
    for name, (channel, made) in found.items():
        try:
            told[name] = telling.deliver(
                made,
                channel,
                opened.ledger,
                as_of=as_of,
                now=opened.now,
                progress=progress,
                accounts=accounts,
                limit=limit,
                allow_old_morning=allow_old_morning,
            )
        except Problem as problem:
            failed[name] = problem
    return told, failed, missing


def alert(
    opened: Opened, as_of: date, stops: Mapping[str, Problem], *, progress: Progress = quiet
) -> tuple[list[Alert], list[str]]:
    """Tell of stopped deliveries, and of what has waited for a person too long: the alerts, and what failed of them."""
    waiting = opened.ledger.table("rejection")
    raised = [
        *alerts.of_stops(stops, as_of),
        *alerts.of_rejections(waiting, opened.now(), opened.settings.alert_after_days),
    ]
    channels: list[Channel] = []
    problems = []
    try:
        channels = list(opened.channels().values())
    except Problem as problem:
        problems.append(f"alerts: {problem}")
    problems += alerts.tell(raised, channels, opened.ledger, as_of=as_of, now=opened.now, progress=progress)
    return raised, problems


def _planned(opened: Opened, as_of: date) -> tuple[dict[ChannelName, tuple[Channel, list[Message]]], list[str]]:
    wanted_in = opened.company.plays.channels
    names = sorted({name for some in wanted_in.values() for name in some})
    if not names:
        return {}, []
    try:
        channels = opened.channels()
    except Problem as problem:
        return {}, [f"messages: {problem}"]

    def read(table: Table) -> pd.DataFrame:
        return opened.frame(opened.lake.read(table, (as_of, as_of) if table.partition else None))

    decision, score = read(plays.DECISION), read(scores.ACCOUNT_SCORE)
    decision = decision[~decision["account_id"].isin(suppressing.on(opened.settings.ledger, as_of))]
    tiers = dict(zip(zip(score["account_id"], score["outcome"], strict=True), score["tier"], strict=True))
    links = messages.account_links(
        read(sources.CRM_LINK),
        hubspot=bool(opened.settings.hubspot_url),
        salesforce_url=opened.settings.salesforce_url,
    )
    found: dict[ChannelName, tuple[Channel, list[Message]]] = {}
    problems = []
    for name in names:
        channel = channels.get(name)
        if channel is None:
            problems.append(f"{name}: plays.channels names it, and USAGE_{name.upper()}_URL is empty")
            continue
        known = messages.sent_keys(opened.ledger, channel, as_of)
        here: dict[str, list[ChannelName]] = {play: [name] for play, some in wanted_in.items() if name in some}
        found[name] = channel, messages.plan(decision, known, here, as_of, tiers=tiers, links=links)
    return found, problems

"""A home with one decided morning, its CRM in memory, its receiver of messages on loopback."""

from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial

import pandas as pd
from channel_builders import SECRET, Clock
from dagster_duckdb import DuckDBResource
from sync_builders import decision, health, link, score, segment
from sync_fake_crm import FakeCrm

from usage_pipeline.channels import connecting
from usage_pipeline.channels.slack import Slack
from usage_pipeline.channels.webhook import Webhook
from usage_pipeline.crm.client import Record
from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.defs import place, tables
from usage_pipeline.home import Home
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.settings import Settings
from usage_pipeline.sources import catalogue as sources

MORNING = date(2026, 1, 5)
MAPPING = """\
company: acme
events: [{format: segment, files: 'events*'}]
plays:
  channels: {red_churn_risk: [webhook, slack]}
"""


class Crm(FakeCrm):
    """One that can be read, and that is away when a test says so."""

    away = None

    def records(self, account_key, contract):  # noqa: ARG002
        if self.away:
            raise self.away
        return [
            Record(one, account, f"{account}.example", account, "7", None, {"usage_churn_tier": "green"})
            for one, account in (("101", "a"), ("102", "b"))
        ]


@contextmanager
def decided(folder, monkeypatch, crm, receiver):
    """What is open of a home where a play acts on account a, and b is left alone."""
    settings = {"home": folder / "home", "webhook_url": receiver.url, "webhook_secret": SECRET, "crms": "hubspot"}
    # Not asked: the CRM is in memory. With an address nobody starts a sandbox for it.
    settings |= {"slack_url": f"{receiver.url}&slack", "hubspot_url": "http://127.0.0.1:9"}
    for name, value in settings.items():
        monkeypatch.setenv(f"USAGE_{name.upper()}", str(value))
    mapping = folder / "acme.yaml"
    mapping.write_text(MAPPING)
    Home(Settings()).claim(mapping, folder / "landing", "test")
    monkeypatch.setattr(place.Opened, "crms", lambda _: {"hubspot": crm})
    # Nobody really waits.
    clock = Clock()
    monkeypatch.setattr(connecting, "Webhook", partial(Webhook, sleep=clock.sleep))
    monkeypatch.setattr(connecting, "Slack", partial(Slack, sleep=clock.sleep, clock=clock.monotonic))
    one = place.Place(duckdb=DuckDBResource(database=":memory:")).opened
    decide(one, [decision("a", since=MORNING), decision("b", decision="not")])
    yield one
    one.ledger.close()


def decide(opened, decisions):
    content = {
        scores.ACCOUNT_SCORE: [score("a"), score("b", tier="green")],
        scores.ACCOUNT_HEALTH: [health("a"), health("b")],
        segments.ACCOUNT_SEGMENT: [segment("a"), segment("b")],
        plays.DECISION: decisions,
        sources.CRM_LINK: [link("a", "101"), link("b", "102")],
    }
    for table, rows in content.items():
        empty = dict.fromkeys(table.schema.names) | ({"as_of": MORNING} if table.partition else {})
        frame = pd.DataFrame([empty | row for row in rows], dtype=object)
        opened.lake.replace(table, tables.memtable(table, frame), [MORNING] if table.partition else None)


def refuse_something(opened, *, days, cause="permission", instance="hubspot:1", account="b"):
    """A rejection that has waited so many days."""
    name = f"op-{account}-{days}-{cause}"
    one = Operation(name, "fields", account, account, "102", {"x": "1"}, "idempotent", MORNING)
    at = opened.now() - timedelta(days=days)
    opened.ledger.intend("earlier", instance, [one], at)
    opened.ledger.settle(instance, [Settled(one, "failed", rejection=Rejection.of(Cause(cause), "no access"))], at)

"""A home with a few people in it, landed, linked and rolled up; what lies under it as text."""

import gzip
import json
import sqlite3
from datetime import datetime, timedelta

import duckdb
from dagster_duckdb import DuckDBResource

from usage_pipeline.defs import place
from usage_pipeline.events import carried, identity, ingest, known
from usage_pipeline.events import catalogue as events
from usage_pipeline.home import Home
from usage_pipeline.settings import Settings
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources import reading
from usage_pipeline.sources.tombstones import Tombstones
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups

LANDED = datetime(2026, 5, 10, 2)
DAY = datetime(2026, 5, 1, 10)
MAPPING = """\
company: acme
events: [{format: segment, files: 'events*'}]
tables:
  account: SELECT account_id, CAST(created_at AS TIMESTAMP) AS created_at FROM accounts
  user: SELECT uid AS user_id, account_id, mail AS email FROM users
crm: {hubspot_contacts: true}
"""
ANN, BOB = "person-ann", "person-bob"
ANNS_ADDRESS = "Ann@acme.example"


def call(number, user, *, day=0, event="Report Created", **more):
    said = {
        "type": "track",
        "messageId": f"m{number}",
        "event": event,
        "userId": user,
        "anonymousId": f"browser-of-{user}",
        "timestamp": (DAY + timedelta(days=day)).isoformat(),
        "context": {"groupId": "a1"},
        "properties": {"feature": "reports"},
    }
    return said | more


def everything():
    """Both people on several days, a copy, a refused row of each, and a mention of the one by the other."""
    return [
        *(call(number, ANN if number % 3 == 0 else BOB, day=number % 6) for number in range(24)),
        call(3, ANN, day=3),
        call(100, ANN, day=2, timestamp="yesterday"),
        call(101, BOB, day=2, timestamp="yesterday"),
        call(102, BOB, day=4, properties={"feature": "invites", "invited": "ann@ACME.example"}),
        call(103, ANN, type="identify", event=None, traits={"email": ANNS_ADDRESS}),
    ]


def write(home, calls, *, name="0001", users=(ANN, BOB)):
    folder = home / "landing" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(one) + "\n" for one in calls)
    (folder / "events.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    addresses = {ANN: ANNS_ADDRESS, BOB: "bob@acme.example"}
    lines = ["uid,account_id,mail", *(f"{user},a1,{addresses[user]}" for user in users)]
    (folder / "users.csv").write_text("\n".join(lines) + "\n")
    (folder / "accounts.csv").write_text("account_id,created_at\na1,2026-01-01\n")
    (folder / "manifest.json").write_text(json.dumps({"landed_at": LANDED.isoformat(), "history": True}))


def opened(home, monkeypatch):
    monkeypatch.setenv("USAGE_HOME", str(home))
    monkeypatch.setenv("USAGE_CRMS", "hubspot")
    monkeypatch.setenv("USAGE_HUBSPOT_URL", "http://127.0.0.1:9")
    mapping = home.parent / f"{home.name}.yaml"
    mapping.write_text(MAPPING)
    home.mkdir(parents=True, exist_ok=True)
    Home(Settings()).claim(mapping, home / "landing", "test")
    return place.Place(duckdb=DuckDBResource(database=":memory:")).opened


def land(place):
    """What the jobs `ingest` and `roll_up` do."""
    lake, home = place.lake, place.home
    given = {"now": LANDED, "state": home.path / "landed"}
    for table in (sources.ACCOUNT, sources.USER):
        read = reading.table(table.name, home.landing(), place.company, lake.backend, **given)
        lake.replace(table, Tombstones(home.path).without(read))
    came = ingest.ingest(
        home.landing(), place.company, lake, progress=lambda *_: None, tombstones=Tombstones(home.path), **given
    )
    carried.carry_naming(lake)
    carried.carry_tally(lake)
    linked = identity.links(lake.read(events.IDENTITY_CALL), lake.read(events.NAMING), lake.read(sources.USER))
    lake.replace(events.IDENTITY_LINK, linked)
    if came.known_days:
        roll_up(lake, (came.known_days[0], came.known_days[-1]))
    return came


def roll_up(lake, span):
    found = lake.backend.create_table("rolled_events", known.events(lake, span), temp=True, overwrite=True)
    zones = rollups.zones(lake.read(sources.ACCOUNT))
    lake.replace(usage.USER_FEATURE_DAY, rollups.user_feature_day(found, zones), span)
    lake.replace(usage.EVENT_DAY, rollups.event_day(found), span)
    parts = lake.read(usage.USER_FEATURE_DAY, span)
    for table, roll in (
        (usage.USER_DAY, rollups.user_day),
        (usage.FEATURE_DAY, rollups.feature_day),
        (usage.FIRST_USE, rollups.first_use),
        (usage.LAST_USE, rollups.last_use),
    ):
        lake.replace(table, roll(parts, table.empty()), span)
    lake.replace(usage.ACCOUNT_DAY, rollups.account_day(parts, lake.read(usage.USER_DAY, span)), span)


def rows(lake, table):
    return sorted(lake.backend.to_pyarrow(lake.read(table)).to_pylist(), key=repr)


def naming(home, *names):
    """The files under the home in which one of the names can be read: text, packed, Parquet or SQLite."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        held = path.read_bytes()
        texts = [gzip.decompress(held) if held.startswith(b"\x1f\x8b") else held]
        if path.suffix == ".parquet":
            texts.append(repr(duckdb.read_parquet(str(path)).fetchall()).encode())
        if held.startswith(b"SQLite"):
            with sqlite3.connect(path) as connection:
                texts.append("\n".join(connection.iterdump()).encode())
        if any(name.lower().encode() in text.lower() for name in names for text in texts):
            found.append(path.relative_to(home).as_posix())
    return found

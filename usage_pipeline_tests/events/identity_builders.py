"""Builders: events, calls and tables that say who is who, and what follows from them."""

from datetime import datetime

import ibis
import pyarrow as pa

from usage_pipeline.events import catalogue, identity
from usage_pipeline.sources import catalogue as sources


def at(day, hour=0):
    return datetime(2026, 5, day, hour)


def table(spec, *rows):
    schema = spec.schema.to_pyarrow()
    return ibis.memtable(
        pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema), schema=spec.schema
    )


def event(number, day, **ids):
    return {"event_id": f"m{number}", "ts": at(day), "known_at": at(day), "known_day": at(day).date()} | ids


def call(kind, day, **ids):
    return {"event_id": f"c{day}", "kind": kind, "known_at": at(day), "batch": "0123456789abcdef", "line": 7} | ids


def account(name, domain, day):
    return {"account_id": name, "domain": domain, "known_at": at(day), "valid_from": at(day)}


def merge(name, into, day):
    return {"account_id": name, "into_id": into, "merged_at": at(day), "known_at": at(day)}


class Known:
    """What is known of who is who; `links` and `whose` as of all of it."""

    def __init__(self, lake, *, calls=(), events=(), users=(), accounts=(), merges=()):
        self.lake = lake
        self.events = table(catalogue.EVENT, *events)
        self.found = identity.links(
            table(catalogue.IDENTITY_CALL, *calls),
            self.events,
            table(sources.USER, *users),
            table(sources.ACCOUNT, *accounts),
            table(sources.ACCOUNT_MERGE, *merges),
        )

    def links(self, *columns):
        rows = self.lake.backend.to_pyarrow(self.found).to_pylist()
        rows.sort(key=lambda row: (row["id_kind"], row["id"], row["known_at"]))
        return [tuple(row[name] for name in columns) for row in rows]

    def whose(self):
        """(event, account, person, day) of each event that has an account."""
        rows = self.lake.backend.to_pyarrow(identity.resolve(self.events, self.found)).to_pylist()
        return sorted((row["event_id"], row["account_id"], row["user_id"], row["known_day"].day) for row in rows)

"""A simulated company's facts without the landing: its days straight as rows of events, and on to rollups.

The 14 million events of 5,000 accounts would spend longer as JSON on their way to and from the
disk than the models take, and that way changes no row. What is left out with it are the faults
of delivery (copies, broken lines, browsers that nobody knows at first); events that come late do
come late. A test holds these rows against what landing the same company gives. The five small tables go the usual
way, as CSV through the company's mapping.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from datetime import datetime, time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from usage_pipeline import company as companies
from usage_pipeline import periods
from usage_pipeline.engine import Backend
from usage_pipeline.events.catalogue import EVENT
from usage_pipeline.features.snapshot import Facts
from usage_pipeline.sources import catalogue, merges, reading, simulated
from usage_pipeline.sources.simulated import customers, draws, mess, people, product, tables
from usage_pipeline.sources.simulated.activity import DAY_MS, EPOCH, Uses
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.draws import Ints, Purpose
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import rollups

MAPPING = Path(simulated.__file__).parent / "company.yaml"
LANDS_AT = time(23, 59, 59)
# The rollups are grouped by known day, so whole known days give the same rows in any pieces; a month fits in memory.
DAYS_PER_FILE = 30
_SOURCES = ("account", "user", "subscription", "ticket", "survey")
_NAMES = pa.array(["page" if name in {"Help", "Pricing"} else name for name in product.EVENT_NAMES], pa.string())
_FEATURES = pa.array([*(feature.name for feature in product.FEATURES), None], pa.string())


def facts(company: Company, backend: Backend, folder: Path) -> Facts:
    """The company's whole life as the tables that features and labels are made of, held by the engine."""
    landing = folder / "landing"
    (folder / "parts").mkdir(parents=True)
    (folder / "events").mkdir()
    for number, events in enumerate(lived(company, landing)):
        parquet.write_table(events, folder / "events" / f"{number:03d}.parquet")
    mapping = companies.load(MAPPING)
    now = datetime.combine(company.last_day, LANDS_AT)
    nothing_merged = catalogue.ACCOUNT_MERGE.schema.to_pyarrow().empty_table()
    held = {
        name: backend.create_table(
            name, merges.applied(name, reading.table(name, landing, mapping, backend, now=now), nothing_merged)
        )
        for name in _SOURCES
    }
    zones = backend.create_table("zones", rollups.zones(held["account"]))
    for path in sorted((folder / "events").iterdir()):
        events = backend.read_parquet(path)
        for name, rows in (("parts", rollups.user_feature_day(events, zones)), ("named", rollups.event_day(events))):
            backend.to_parquet(rows, folder / "parts" / f"{name}-{path.name}")
        path.unlink()
    parts = backend.read_parquet(sorted((folder / "parts").glob("parts-*")), table_name="user_feature_day")
    held["user_feature_day"] = parts
    held["event_day"] = backend.read_parquet(sorted((folder / "parts").glob("named-*")), table_name="event_day")
    for table, rows in (
        (usage.USER_DAY, lambda: rollups.user_day(parts, usage.USER_DAY.empty())),
        (usage.FEATURE_DAY, lambda: rollups.feature_day(parts, usage.FEATURE_DAY.empty())),
        (usage.ACCOUNT_DAY, lambda: rollups.account_day(parts, held["user_day"])),
        (usage.FIRST_USE, lambda: rollups.first_use(parts, usage.FIRST_USE.empty())),
        (usage.LAST_USE, lambda: rollups.last_use(parts, usage.LAST_USE.empty())),
    ):
        held[table.name] = backend.create_table(table.name, rows())
    held["metric_day"] = usage.METRIC_DAY.empty()
    return Facts(**{field.name: held[field.name] for field in fields(Facts)})


def lived(company: Company, landing: Path) -> Iterator[pa.Table]:
    """Advance the company to its last day; about monthly, its events that became known since the last time.

    The small tables are written to `landing` as one delivery, an import of the past.
    """
    landing.mkdir(parents=True)
    landed_at = datetime.combine(company.last_day, LANDS_AT)
    manifest = {"landed_at": landed_at.isoformat(), "history": True}
    (landing / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    waiting: list[tuple[Uses, Ints, Ints]] = []
    with ExitStack() as stack:
        csv = {
            name: stack.enter_context((landing / f"{name}.csv").open("w", encoding="utf-8")) for name in tables.HEADERS
        }
        for name, header in tables.HEADERS.items():
            csv[name].write(header + "\n")
        for place, day in enumerate(periods.days(company.next_day, company.last_day), start=1):
            made, number = company.advance(day), (day - EPOCH).days
            for name, rows in tables.rows(company, made, number).items():
                csv[name].writelines(row + "\n" for row in rows)
            waiting.append((made.uses, _received(company.seed, number, made.uses), np.full(len(made.uses), number)))
            if place % DAYS_PER_FILE == 0 or day == company.last_day:
                uses, received, happened = (np.concatenate(part) for part in zip(*waiting, strict=True))
                is_known = received // DAY_MS <= number
                yield rows_of(uses[is_known], received[is_known], happened[is_known])
                waiting = [(uses[~is_known], received[~is_known], happened[~is_known])]


def _received(seed: int, number: int, uses: Uses) -> Ints:
    """When each event of a day arrives, in milliseconds since 1970, by the same draws as its line in a delivery."""
    each = draws.keys(uses["user"]) * np.uint64(64) + draws.keys(uses["number"])
    fate, slow = (draws.uniform(seed, number, purpose, each) for purpose in (Purpose.FATE, Purpose.DELAY))
    is_late = (fate >= 0.5) & (fate < 0.5 + mess.LATE)
    late_ms = ((1.0 + (mess.MOST_DAYS_LATE - 1.0) * slow**2.5) * DAY_MS).astype(np.int64)
    received: Ints = uses["ms"] + np.where(is_late, late_ms, 1_000 + (60_000 * slow).astype(np.int64))
    return received


def rows_of(uses: Uses, received: Ints, happened: Ints) -> pa.Table:
    """The events as rows of EVENT; `received` in milliseconds, `happened` the day, both since 1970."""
    known_at = pa.array(received.astype("datetime64[ms]"))
    has_feature = uses["code"] < len(product.FEATURES)
    ids = zip(happened.tolist(), uses["user"].tolist(), uses["number"].tolist(), strict=True)
    milliseconds = uses["seconds"].astype(np.int64) * 1000
    stated = {
        "event_id": pa.array([f"{day:x}-{user:x}-{number:x}" for day, user, number in ids], pa.string()),
        "ts": pa.array(uses["ms"].astype("datetime64[ms]")),
        "received_at": known_at,
        "landed_at": known_at,
        "known_at": known_at,
        "account_id": _named(uses["account"], customers.account_id),
        "user_id": _named(uses["user"], people.user_id),
        "name": _NAMES.take(pa.array(uses["code"])),
        "feature": _FEATURES.take(pa.array(np.minimum(uses["code"], len(product.FEATURES)))),
        # What states no quantity counts once.
        "quantity": pa.array(np.where(has_feature & (uses["quantity"] > 0), uses["quantity"], 1).astype(np.int32)),
        "duration_ms": pa.array(milliseconds, mask=~(has_feature & (milliseconds > 0))),
        "known_day": known_at.cast(pa.date32()),
    }
    schema = EVENT.schema.to_pyarrow()
    return pa.table(
        [
            stated[field.name].cast(field.type) if field.name in stated else pa.nulls(len(uses), field.type)
            for field in schema
        ],
        schema=schema,
    )


def _named(numbers: Ints, name: Callable[[int], str]) -> pa.Array:
    distinct, place = np.unique(numbers, return_inverse=True)
    return pa.array([name(number) for number in distinct.tolist()], pa.string()).take(pa.array(place))

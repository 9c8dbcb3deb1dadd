"""A data folder and its mapping, as snapshots and outcomes: landed and rolled up as any company's input is.

What is said of a morning is what was known before it. Snapshots are made for the mornings on which an outcome is
asked, and kept for the accounts that were at risk. Both are kept beside the landed data under a mark of the data and
of the code, so that a second run only trains.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import code_mark
from usage_pipeline import company as companies
from usage_pipeline import engine, periods
from usage_pipeline.company import Company
from usage_pipeline.engine import Backend
from usage_pipeline.events import carried, catalogue, identity, ingest, known
from usage_pipeline.features import snapshot
from usage_pipeline.features.snapshot import Facts
from usage_pipeline.labels import mornings, outcomes
from usage_pipeline.lake import Lake
from usage_pipeline.sources import merges, reading
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import metrics, rollups

# After whatever any of the inputs says; their own clocks are histories.
NOW = datetime(2100, 1, 1)
MEMORY, THREADS = "3GB", 2
_CODE = ("company.py", "mapping", "engine", "lake", "periods.py", "events", "sources", "usage", "features", "labels")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Data:
    """What models are trained and judged on."""

    company: Company
    snapshots: pd.DataFrame
    """Columns of TRAINING_SNAPSHOT without `definitions`: accounts at risk and their mornings."""
    labels: pd.DataFrame
    """Columns of OUTCOME."""


def made(folder: Path, mapping: Path, scratch: Path, tell: Progress) -> Data:
    """The folder's snapshots and outcomes; made once for the same files, mapping and code."""
    company = _company(mapping)
    home = scratch / _mark(folder, mapping)
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        _make(folder, company, home, tell)
        (home / "done").touch()
    return Data(company, pq.read_table(home / "snapshots").to_pandas(), _kept(home))


def labels(folder: Path, mapping: Path, scratch: Path, tell: Progress) -> pd.DataFrame:
    """The folder's outcomes alone, with the columns of OUTCOME."""
    company = _company(mapping)
    home = scratch / f"{_mark(folder, mapping)}-labels"
    if not (home / "labels.parquet").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        with _landed(folder, company, home, tell) as (_, _, asked):
            pq.write_table(asked, home / "labels.parquet")
    return _kept(home)


def _kept(home: Path) -> pd.DataFrame:
    return pq.read_table(home / "labels.parquet").to_pandas()


def _company(mapping: Path) -> Company:
    # The mapping's `start` and `until` are for who wants to act; to learn, all that is on record serves.
    return companies.load(mapping).model_copy(update={"start": None, "until": None})


def united(train: Path, test: Path, to: Path) -> Path:
    """A folder with the rows of both, each file of one name once; what `test` repeats of `train` counts once."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for file in sorted({path.name for path in (*train.iterdir(), *test.iterdir()) if path.suffix == ".parquet"}):
        found = [folder / file for folder in (train, test) if (folder / file).exists()]
        if len(found) == 1:
            shutil.copy(found[0], to / file)
            continue
        with duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY, "temp_directory": str(to)}) as joining:
            older, newer = (f"read_parquet('{path}')" for path in found)
            joining.execute(
                f"COPY (FROM {newer} UNION ALL BY NAME (FROM {older} EXCEPT ALL FROM {newer})) "
                f"TO '{to / file}' (FORMAT parquet)"
            )
    return to


def _mark(folder: Path, mapping: Path) -> str:
    marked = hashlib.sha256(code_mark.of(_CODE).encode() + mapping.read_bytes() + Path(__file__).read_bytes())
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as content:
                marked.update(path.name.encode() + hashlib.file_digest(content, "sha256").digest())
    return marked.hexdigest()[:16]


@contextmanager
def _landed(folder: Path, company: Company, home: Path, tell: Progress) -> Iterator[tuple[Backend, Facts, pa.Table]]:
    """The engine with the folder's facts, and all outcomes."""
    backend = engine.connect(memory_limit=MEMORY, threads=THREADS, spill=home / "spill")
    lake = Lake(str(home / "lake"), backend)
    tell("landing")
    ingest.ingest(folder, company, lake, now=NOW, progress=lambda *_: None)
    stated = {name: reading.table(name, folder, company, backend, now=NOW) for name in reading.SHAPES}
    merged = stated["account_merge"] = merges.followed(stated["account_merge"])
    told = {
        name: backend.create_table(name, merges.applied(name, rows, merged) if name in merges.CONCERNED else rows)
        for name, rows in stated.items()
    }
    tell("counting what was used")
    facts, days = _facts(lake, company, told)
    last = days[-1] + periods.ONE_DAY
    found = [_labels(name, company, told, facts, days[0], last) for name in company.outcomes]
    yield backend, facts, pa.concat_tables(backend.to_pyarrow(rows) for rows in found)
    backend.disconnect()
    shutil.rmtree(home / "lake")


def _make(folder: Path, company: Company, home: Path, tell: Progress) -> None:
    with _landed(folder, company, home, tell) as (backend, facts, asked):
        pq.write_table(asked, home / "labels.parquet")
        at_risk = asked.group_by(["as_of", "account_id"]).aggregate([])
        wanted = sorted(set(at_risk["as_of"].to_pylist()))
        (home / "snapshots").mkdir()
        for number, (as_of, rows) in enumerate(snapshot.snapshots(facts, wanted, company, backend), start=1):
            kept = rows.join(at_risk, ["as_of", "account_id"], join_type="left semi")
            pq.write_table(kept, home / "snapshots" / f"{as_of}.parquet")
            if number % 10 == 0 or number == len(wanted):
                tell(f"features of {number} of {len(wanted)} mornings")


def _labels(name: str, company: Company, told: dict[str, ir.Table], facts: Facts, first: date, last: date) -> ir.Table:
    """Outcomes as known once the record has ended; those of a labels file are known, whatever their horizon."""
    outcome = company.outcomes[name]
    is_stated = outcome.source == "labels"
    begin = first if is_stated else first + periods.QUARTER * periods.ONE_DAY
    asked = mornings.mornings_for(name, outcome, begin, last, told["label"])
    known = outcomes.Facts(
        subscription=facts.subscription,
        milestone=told["milestone"],
        label=told["label"],
        account=facts.account,
        account_day=facts.account_day,
    )
    after = timedelta(days=outcome.known_after_days)
    return outcomes.label(name, outcome, asked, known, known_before=last + after if is_stated else last)


def _facts(lake: Lake, company: Company, told: dict[str, ir.Table]) -> tuple[Facts, list[date]]:
    """The rollups of the whole record at once, and its known days."""
    backend = lake.backend
    carried.carry_naming(lake)
    links = identity.links(
        lake.read(catalogue.IDENTITY_CALL),
        lake.read(catalogue.NAMING),
        told["user"],
        told["account"],
        told["account_merge"],
    )
    lake.replace(catalogue.IDENTITY_LINK, links)
    days = lake.partitions(catalogue.EVENT)
    wanted = metrics.definitions(company.metrics)
    found = known.events(lake, (days[0], days[-1]))
    with engine.holding(backend, "held_events", metrics.looked_at(found, wanted, rollups.USED)) as held:
        made = {
            usage.USER_FEATURE_DAY: rollups.user_feature_day(
                held, rollups.zones(told["account"]), non_interaction=company.roles.non_interaction
            ),
            usage.EVENT_DAY: rollups.event_day(held),
            usage.METRIC_DAY: metrics.metric_day(held, wanted) if wanted else usage.METRIC_DAY.empty(),
        }
        tables = {table.name: backend.create_table(table.name, rows) for table, rows in made.items()}
    parts = tables[usage.USER_FEATURE_DAY.name]
    for table, rows in (
        (usage.USER_DAY, lambda: rollups.user_day(parts, usage.USER_DAY.empty())),
        (usage.FEATURE_DAY, lambda: rollups.feature_day(parts, usage.FEATURE_DAY.empty())),
        (usage.ACCOUNT_DAY, lambda: rollups.account_day(parts, tables["user_day"])),
        (usage.FIRST_USE, lambda: rollups.first_use(parts, usage.FIRST_USE.empty())),
        (usage.LAST_USE, lambda: rollups.last_use(parts, usage.LAST_USE.empty())),
    ):
        tables[table.name] = backend.create_table(table.name, rows())
    return Facts(**{field.name: (tables | told)[field.name] for field in fields(Facts)}), days

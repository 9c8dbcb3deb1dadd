"""`events`: one shape for everything that happened."""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import ibis
import ibis.expr.types as ir

from usage_pipeline.defs import fetching, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.events import carried, catalogue, history, identity, ingest, plots, quality, relinked
from usage_pipeline.home import put
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources.tombstones import Tombstones
from usage_pipeline.usage import catalogue as usage

KINDS = {"duckdb"}
LANDED = (catalogue.EVENT, catalogue.REJECTED, catalogue.IDENTITY_CALL, catalogue.BATCH)


class _Touched:
    """Known days whose usage changes, kept in a file until Dagster knows: those of a killed run the next one tells."""

    def __init__(self, untold: Path) -> None:
        self._untold = untold
        self.days: list[str] = json.loads(untold.read_text(encoding="utf-8")) if untold.exists() else []

    def add(self, days: Iterable[date]) -> None:
        """These too, in order."""
        if some := {day.isoformat() for day in days}:
            self.days = sorted(some.union(self.days))
            self._untold.parent.mkdir(parents=True, exist_ok=True)
            put(self._untold, json.dumps(self.days))

    def told(self) -> None:
        """Dagster has them."""
        self._untold.unlink(missing_ok=True)


@dg.multi_asset(
    name="landed_events",
    specs=[tables.spec(table, owner=tables.DATA, kinds=KINDS, deps=[fetching.FETCHED]) for table in LANDED],
)
def landed(context: dg.AssetExecutionContext, place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """Land every file not yet landed: each row is an event, a duplicate or a rejected row with its reason."""
    opened = place.opened
    lake = opened.lake

    def progress(file: str, done: int, of: int) -> None:
        context.log.info("%s: %d of %d files", file, done, of)

    touched = _Touched(opened.home.path / "landed" / "touched.json")
    came = ingest.ingest(
        opened.home.landing(),
        opened.company,
        lake,
        now=opened.now(),
        progress=progress,
        state=opened.home.path / "landed",
        tombstones=Tombstones(opened.home.path),
        touching=touched.add,
    )
    if touched.days:
        opened.home.begin_partitions(date.fromisoformat(touched.days[0]))
    counts: dict[str, Any] = {
        "batches": came.batches,
        "received": came.received,
        "accepted": came.accepted,
        "duplicates": came.duplicates,
        "rejected": came.rejected,
        "known_days": touched.days,
    }
    for table in LANDED:
        yield dg.MaterializeResult(
            asset_key=[table.stage, table.name],
            metadata={
                "dagster/row_count": lake.rows(table),
                "table_version": lake.version(table) or 0,
                "dagster/uri": lake.uri(table),
                **counts,
            },
        )
    touched.told()


CARRIED = {
    catalogue.NAMING: carried.carry_naming,
    catalogue.TALLY: carried.carry_tally,
    catalogue.PROFILE: carried.carry_profile,
}


@dg.multi_asset(
    name="carried_events",
    specs=[
        tables.spec(table, owner=tables.DATA, kinds=KINDS | {"ibis"}, deps=[catalogue.EVENT, catalogue.BATCH])
        for table in CARRIED
    ],
)
def carried_events(place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """Sums of events carried along batch by batch, so that links and checks need not read all events."""
    lake = place.opened.lake
    for table, carry in CARRIED.items():
        batches = carry(lake)
        yield dg.MaterializeResult(
            asset_key=[table.stage, table.name],
            metadata={
                "batches": batches,
                "dagster/row_count": lake.rows(table),
                "table_version": lake.version(table) or 0,
                "dagster/uri": lake.uri(table),
            },
        )


@dg.multi_asset(
    name="identity_link",
    specs=[
        tables.spec(
            catalogue.IDENTITY_LINK,
            owner=tables.DATA,
            kinds=KINDS | {"ibis"},
            deps=[catalogue.NAMING, catalogue.IDENTITY_CALL, sources.USER, sources.ACCOUNT, sources.ACCOUNT_MERGE],
        )
    ],
)
def identity_link(place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """One row per id and change of the account it belongs to, from when that was known, and what says so.

    Tells of the known days whose events count otherwise by the new links, before these are written.
    """
    opened, table = place.opened, catalogue.IDENTITY_LINK
    lake = opened.lake
    links = lake.backend.to_pyarrow(
        identity.links(
            lake.read(catalogue.IDENTITY_CALL),
            lake.read(catalogue.NAMING),
            lake.read(sources.USER),
            lake.read(sources.ACCOUNT),
            lake.read(sources.ACCOUNT_MERGE),
        )
    )
    touched = _Touched(opened.home.path / "landed" / "relinked.json")
    rolled_up = max(lake.partitions(usage.USER_FEATURE_DAY), default=None)
    touched.add(relinked.days(lake, lake.read(table), ibis.memtable(links, schema=table.schema), rolled_up=rolled_up))
    written = lake.replace(table, links)
    yield dg.MaterializeResult(
        asset_key=[table.stage, table.name],
        metadata={
            "known_days": touched.days,
            "dagster/row_count": written.rows,
            "table_version": written.version,
            "dagster/uri": lake.uri(table),
        },
    )
    touched.told()


@dg.multi_asset(
    name="finding_history",
    specs=[
        tables.spec(
            catalogue.FINDING_HISTORY,
            owner=tables.DATA,
            kinds=KINDS | {"ibis"},
            deps=[catalogue.TALLY, catalogue.PROFILE, catalogue.BATCH, sources.ACCOUNT],
        )
    ],
)
def finding_history(place: Place) -> dg.MaterializeResult[None]:
    """One row per check and day: what was found and what was usual before. Only new days are looked at."""
    opened = place.opened
    lake = opened.lake
    days = history.extend(lake, lake.read(sources.ACCOUNT), opened.company.quality)
    table = catalogue.FINDING_HISTORY
    return dg.MaterializeResult(
        asset_key=[table.stage, table.name],
        metadata={
            "days_measured": days,
            "dagster/row_count": lake.rows(table),
            "table_version": lake.version(table) or 0,
            "dagster/uri": lake.uri(table),
        },
    )


@tables.asset(
    catalogue.FINDING,
    owner=tables.DATA,
    kinds=KINDS | {"ibis"},
    inputs={"tally": catalogue.TALLY, "accounts": sources.ACCOUNT, "batches": catalogue.BATCH},
    deps=[catalogue.FINDING_HISTORY],
)
def finding(place: Place, tally: ir.Table, accounts: ir.Table, batches: ir.Table) -> ir.Table:
    """One row per check of the product data: what was found, and whether plays may act on it."""
    lake = place.opened.lake
    found = quality.quality(tally, accounts, batches, lake)
    found += quality.of_history(history.newest(lake, history.DAYS))
    rows = [{column: getattr(one, column) for column in catalogue.FINDING.schema.names} for one in found]
    return ibis.memtable(rows, schema=catalogue.FINDING.schema)


def _finding_check(name: str, *, blocking: bool) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=dg.AssetKey(["events", "finding"]), name=name, blocking=blocking)
    def check(place: Place) -> dg.AssetCheckResult:
        lake = place.opened.lake
        findings = lake.read(catalogue.FINDING)
        rows = lake.backend.to_pyarrow(findings.filter(findings.check == name)).to_pylist()
        # A home's first days have no whole day to look at yet.
        row: dict[str, Any] = (
            rows[0] if rows else {"passed": True, "words": "nothing to look at yet", "value": None, "limit": 0.0}
        )
        metadata: dict[str, Any] = {"value": -1.0 if row["value"] is None else row["value"], "limit": row["limit"]}
        if rows and name in history.CHECKS:
            png = plots.picture(history.newest(lake, SHOWN_DAYS), name)
            # An image within Markdown: the UI shows it without a server of its own.
            metadata["history"] = dg.MarkdownMetadataValue(
                f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"
            )
        return dg.AssetCheckResult(
            passed=row["passed"],
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            description=row["words"],
            metadata=metadata,
        )

    return check


# A quarter: what a person can see, and what is cheap to draw.
SHOWN_DAYS = 91
ALL_TIME = ("usage_predates_signup", "usage_without_account", "duplicated", "sessions_per_active_day")

checks = [
    _finding_check("rows_accounted_for", blocking=True),
    *(_finding_check(name, blocking=False) for name in (*ALL_TIME, *history.CHECKS)),
]

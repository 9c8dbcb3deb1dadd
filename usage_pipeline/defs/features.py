"""`features`: what we knew of an account on a morning, against itself and its peers."""

import hashlib
from datetime import date

import dagster as dg
import pyarrow as pa

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue, own, sight, snapshot
from usage_pipeline.labels import mornings
from usage_pipeline.periods import ONE_DAY, QUARTER
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage

FROM_SOURCES = (sources.ACCOUNT, sources.USER, sources.SUBSCRIPTION, sources.TICKET, sources.SURVEY)
# Half a year of a small company's mornings are written at once: one commit costs as much as several of them.
MORNINGS_PER_COMMIT = 26
# A row takes a kilobyte, and the writer holds it a few times over.
ROWS_PER_COMMIT = 50_000


def facts(opened: Opened, first: date, last: date) -> snapshot.Facts:
    """What the snapshots of these mornings are made of; each takes from it what was known before it."""
    spans = sight.needed(first, last)
    found = {name: opened.wide_lake.read(table, spans.get(name)) for name, table in sight.TABLES.items()}
    if not _own(opened):
        # What an earlier mapping stated need not be read.
        found["metric_day"] = usage.METRIC_DAY.empty()
    return snapshot.Facts(**found)


def _own(opened: Opened) -> tuple[own.Own, ...]:
    """The company's own metrics; `Rejected` where their rollup does not hold every known day of them."""
    wanted = own.metrics(catalogue.checked(opened.company))
    if not wanted:
        return ()
    rows = opened.wide_lake.backend.to_pyarrow(opened.wide_lake.read(usage.METRIC)).to_pylist()
    filled = {(row["metric"], row["definition"]) for row in rows}
    missing = [one.name for one in wanted if (one.name, one.definition) not in filled]
    if missing:
        raise Rejected(
            f"the metrics {', '.join(missing)} were added to the mapping, or changed, and are not filled in yet",
            fix="materialise usage/metric: once, it reads all events",
        )
    return wanted


def _definitions(opened: Opened) -> str:
    """Fingerprint of what the columns of a snapshot mean."""
    shipped = [f"{one.name} {one.type} {one.meaning}" for one in catalogue.FEATURES]
    # The words of an own metric may change as a person likes.
    stated = [f"{one.name} {one.kind} {one.days} {one.over} {one.definition}" for one in own.metrics(opened.company)]
    return hashlib.sha256("\n".join([*shipped, *stated]).encode()).hexdigest()[:12]


@tables.asset(
    catalogue.ACCOUNT_SNAPSHOT,
    owner=tables.DATA,
    kinds={"ibis", "duckdb"},
    partitions_def=partitions.MORNINGS,
    backfill_policy=partitions.IN_ONE_RUN,
    automation_condition=dg.AutomationCondition.eager(),
    deps=(*FROM_SOURCES, usage.METRIC),
    days_before=(*usage.ROLLUPS, usage.METRIC_DAY),
)
def account_snapshot(context: dg.AssetExecutionContext, place: Place) -> pa.Table:
    """One row per account and morning: about a hundred figures of use, people, contract and support.

    Nothing that became known on the morning or after it is in them.
    """
    opened = place.opened
    wanted = partitions.mornings(context)
    known = facts(opened, wanted[0], wanted[-1])
    made = snapshot.snapshots(known, wanted, opened.company, opened.wide_lake.backend)
    return pa.concat_tables([rows for _, rows in made])


@tables.asset(
    catalogue.TRAINING_SNAPSHOT,
    owner=tables.DATA,
    kinds={"ibis", "duckdb"},
    deps=(*FROM_SOURCES, sources.LABEL, *usage.TABLES),
)
def training_snapshot(context: dg.AssetExecutionContext, place: Place) -> dg.MaterializeResult[None]:
    """One row per account and training morning, by the same function as the scored mornings.

    Weekly mornings, or those of a labels file, from the first with a quarter of history behind it;
    a run adds the mornings that are missing, and makes those again that were made when a column meant something else.
    """
    opened = place.opened
    lake = opened.wide_lake
    days = lake.partitions(usage.ACCOUNT_DAY)
    stated = lake.read(sources.LABEL)
    wanted = mornings.training_mornings(opened.company, days[0] + QUARTER * ONE_DAY, days[-1] + ONE_DAY, stated)
    definitions = _definitions(opened)
    kept = lake.read(catalogue.TRAINING_SNAPSHOT).filter(lambda row: row.definitions == definitions)
    made_so = lake.backend.to_pyarrow(kept.select("as_of").distinct())["as_of"].to_pylist()
    missing = sorted(set(wanted) - set(made_so))
    table = catalogue.of_company(catalogue.TRAINING_SNAPSHOT, opened.company)
    made = (
        snapshot.snapshots(facts(opened, missing[0], missing[-1]), missing, opened.company, lake.backend)
        if missing
        else iter(())
    )
    rows = 0
    waiting: list[pa.Table] = []
    for number, (as_of, morning) in enumerate(made, start=1):
        waiting.append(morning.append_column("definitions", pa.array([definitions] * morning.num_rows, pa.string())))
        rows += morning.num_rows
        is_enough = len(waiting) == MORNINGS_PER_COMMIT or sum(map(len, waiting)) >= ROWS_PER_COMMIT
        if is_enough or number == len(missing):
            lake.replace(table, pa.concat_tables(waiting), missing[number - len(waiting) : number])
            waiting.clear()
            context.log.info("training mornings up to %s: %d of %d", as_of, number, len(missing))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "mornings_added": len(missing),
            "mornings": len(wanted),
            "dagster/uri": lake.uri(catalogue.TRAINING_SNAPSHOT),
        }
    )


@dg.asset_check(asset=dg.AssetKey(["features", "training_snapshot"]), blocking=True)
def one_row_per_account_and_morning(place: Place) -> dg.AssetCheckResult:
    """Before anything is learned: there are rows, and no account is twice on a morning."""
    lake = place.opened.wide_lake
    rows = lake.read(catalogue.TRAINING_SNAPSHOT)
    counts = {
        "rows": rows.count(),
        "distinct": rows.select("account_id", "as_of").distinct().count(),
        "accounts": rows.account_id.nunique(),
        "mornings": rows.as_of.nunique(),
    }
    found = {name: int(lake.backend.to_pyarrow(count).as_py()) for name, count in counts.items()}
    return dg.AssetCheckResult(
        passed=0 < found["rows"] == found["distinct"],
        metadata=found,
        description="an empty table means too little history: features need a quarter of it",
    )

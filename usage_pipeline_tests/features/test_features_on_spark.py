"""Every table that Spark makes equals DuckDB's: rollups, features, segments, on a cluster of two workers."""

import math
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
import spark_cluster
from random_product import DAYS, OWN, START, product, table

from usage_pipeline import engine
from usage_pipeline.events.catalogue import EVENT, IDENTITY_LINK
from usage_pipeline.features import catalogue as features
from usage_pipeline.features import sight, snapshot
from usage_pipeline.lake import Lake
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.segments import cohorts, personas
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage
from usage_pipeline.usage import filling, metrics, rollups

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

SNAPSHOT = features.of_company(features.ACCOUNT_SNAPSHOT, OWN)
MADE = (*usage.ROLLUPS, usage.METRIC_DAY, usage.METRIC, SNAPSHOT, segments.ACCOUNT_SEGMENT, segments.USER_PERSONA)
SECOND_HALF = START + timedelta(days=70)
LAST = START + timedelta(days=DAYS + 45)
MORNINGS = [START + timedelta(days=n) for n in (152,)]


@dataclass(frozen=True)
class Engines:
    duckdb: Lake
    spark: Lake


@pytest.fixture(scope="module")
def engines(tmp_path_factory, backend):
    """Two lakes of the same events and sources, and what each engine made of them."""
    from usage_pipeline.engine import spark

    folder = tmp_path_factory.mktemp("spark")
    duckdb = Lake(str(folder / "duckdb"), backend)
    made = product(3, last_year=True)
    duckdb.replace(EVENT, table(EVENT, _mostly_numbers(made.event + _later_identified(made.event))))
    duckdb.replace(IDENTITY_LINK, table(IDENTITY_LINK, [LINK]))
    for of in (sources.ACCOUNT, sources.USER, sources.SUBSCRIPTION, sources.TICKET, sources.SURVEY):
        duckdb.replace(of, table(of, getattr(made, of.name)))
    shutil.copytree(folder / "duckdb", folder / "spark")
    with pytest.MonkeyPatch.context() as patch, spark_cluster.running(folder) as master:
        patch.setenv("SPARK_CONF_DIR", str(spark_cluster.configured(folder)))
        cluster = spark.connect(master, memory="1GB")
        both = Engines(duckdb, Lake(str(folder / "spark"), cluster))
        _make(both.duckdb)
        _make(both.spark)
        yield both
        cluster.disconnect()


LINK = {
    "id": "browser",
    "id_kind": "anonymous",
    "account_id": "a0",
    "user_id": "a0u0",
    "known_at": datetime(2026, 5, 4, 12),
    "because": "identify",
}


def _later_identified(events):
    """Copies of some events that name nobody until the browser is linked, one of them delivered twice."""
    known = [row for row in events if row["known_day"] < SECOND_HALF][:5]
    nameless = [
        row | {"event_id": f"n{n}", "account_id": None, "user_id": None, "anonymous_id": "browser"}
        for n, row in enumerate(known)
    ]
    return [*nameless, nameless[0] | {"line": 99}]


def _mostly_numbers(events):
    """The events with fewer numbers that are none: a metric that sums mostly those is refused."""
    odd = [row for row in events if '"many"' in (row["properties"] or "")]
    for n, row in enumerate(odd):
        row["properties"] = row["properties"].replace('"many"', NUMBERS[n % len(NUMBERS)])
    return events


NUMBERS = ('"many"', '"1e1"', "2.0000005", '" 7 "', "1E2", '"-0.5"', "true", '"12345678901.5"', "1e-7", '"1_0"')


def _make(lake):
    """All tables from `usage` to `segments`, the rollups in two spans so that the second meets the first."""
    wanted = metrics.definitions(OWN.metrics)
    zones = rollups.zones(lake.read(sources.ACCOUNT))
    for span in ((START - timedelta(days=500), SECOND_HALF), (SECOND_HALF + timedelta(days=1), LAST)):
        with filling.held(lake, span, wanted) as held:
            lake.replace(usage.USER_FEATURE_DAY, rollups.user_feature_day(held, zones), span)
            lake.replace(usage.EVENT_DAY, rollups.event_day(held), span)
            lake.replace(usage.METRIC_DAY, metrics.metric_day(held, wanted), span)
        parts = lake.read(usage.USER_FEATURE_DAY, span)

        def earlier(of, first=span[0]):
            return lake.read(of).filter(lambda row: row.known_day < first)

        lake.replace(usage.USER_DAY, rollups.user_day(parts, earlier(usage.USER_DAY)), span)
        lake.replace(usage.FEATURE_DAY, rollups.feature_day(parts, earlier(usage.FEATURE_DAY)), span)
        lake.replace(usage.ACCOUNT_DAY, rollups.account_day(parts, lake.read(usage.USER_DAY, span)), span)
        lake.replace(usage.FIRST_USE, rollups.first_use(parts, earlier(usage.FIRST_USE)), span)
        lake.replace(usage.LAST_USE, rollups.last_use(parts, earlier(usage.LAST_USE)), span)
    filling.is_settled(lake, wanted)
    filling.fill_in(lake, wanted, lambda *_: None)
    facts = snapshot.Facts(
        **{
            name: engine.held(lake.backend, f"test_{name}", lake.read(of))
            for name, of in sight.TABLES.items()
        }
    )  # fmt: skip
    for as_of, rows in snapshot.snapshots(facts, MORNINGS, OWN, lake.backend):
        lake.replace(SNAPSHOT, rows, [as_of])
    for as_of in MORNINGS:
        segmented = cohorts.segment(lake.read(SNAPSHOT, (as_of, as_of)), as_of)
        lake.replace(segments.ACCOUNT_SEGMENT, segmented, [as_of])
        people = personas.Facts(**{name: getattr(facts, name) for name in personas.TABLES})
        found = personas.personas(people, lake.read(segments.ACCOUNT_SEGMENT, (as_of, as_of)), as_of)
        lake.replace(segments.USER_PERSONA, found, [as_of])


@pytest.mark.parametrize("of", MADE, ids=lambda of: of.key)
def test_spark_makes_the_same_table(engines, of):
    duckdb, spark = (_rows(lake.backend.to_pyarrow(lake.read(of))) for lake in (engines.duckdb, engines.spark))
    assert duckdb
    assert len(spark) == len(duckdb)
    assert [pair for pair in zip(duckdb, spark, strict=True) if not _same(*pair)] == []


def test_each_engine_reads_what_the_other_wrote(engines):
    for of in MADE:
        crossed = Lake(engines.spark.root, engines.duckdb.backend)
        seen = _rows(crossed.backend.to_pyarrow(crossed.read(of)))
        assert seen == _rows(engines.spark.backend.to_pyarrow(engines.spark.read(of)))


def test_a_frame_has_the_types_that_duckdb_gives_it(engines):
    one, other = (lake.backend.to_pandas(lake.read(SNAPSHOT)) for lake in (engines.duckdb, engines.spark))
    assert other.dtypes.to_dict() == one.dtypes.to_dict()


def test_spark_replaces_the_days_it_is_told_to_and_no_other(engines):
    lake = engines.spark
    before = lake.rows_by_day(usage.EVENT_DAY)
    day = max(before)
    written = lake.replace(usage.EVENT_DAY, usage.EVENT_DAY.empty(), [day], batches=["emptied"])
    assert written.rows == 0
    assert lake.rows_by_day(usage.EVENT_DAY) == {each: rows for each, rows in before.items() if each != day}
    assert lake.batches(usage.EVENT_DAY, ["emptied", "other"]) == {"emptied"}


def _rows(found: pa.Table):
    # Floats last: what tells two rows apart is exact.
    exact = [name for name in found.column_names if not pa.types.is_floating(found.schema.field(name).type)]
    return sorted(found.to_pylist(), key=lambda row: [str(row[name]) for name in exact])


def _same(one, other):
    return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)


def _equal(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return one == other and type(one) is type(other)


def test_what_is_shown_as_a_day_is_a_day(engines):
    (found,) = {
        type(row["as_of"]) for row in engines.spark.backend.to_pyarrow(engines.spark.read(SNAPSHOT)).to_pylist()
    }
    assert found is date

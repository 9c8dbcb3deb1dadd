"""What `make bench-sim` leaves out, the landing, would have given it the same rows."""

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks import simulated_goals, simulated_rows
from usage_pipeline import company as companies
from usage_pipeline import engine
from usage_pipeline.events import catalogue, identity, ingest, known
from usage_pipeline.features import snapshot
from usage_pipeline.sources import reading
from usage_pipeline.sources.simulated import delivery, mess
from usage_pipeline.sources.simulated.company import Company

LAST_DAY = date(2024, 8, 18)
NOW = datetime(2024, 8, 19)
MAPPING = companies.load(simulated_rows.MAPPING)
COMPARED = ["event_id", "ts", "known_at", "known_day", "account_id", "user_id", "name", "feature", "quantity"]
COMPARED += ["duration_ms"]


def company() -> Company:
    return Company(seed=3, accounts=60, last_day=LAST_DAY)


def land(folder, lake):
    delivery.write_history(company(), folder, LAST_DAY)
    ingest.ingest(folder, MAPPING, lake, now=NOW, progress=lambda *_: None)
    return lake.read(catalogue.EVENT)


def per_account_and_day(rows: pa.Table) -> dict[tuple[str, date], int]:
    days = rows.select(["account_id"]).append_column("day", rows["ts"].cast(pa.date32()))
    counts = days.group_by(["account_id", "day"]).aggregate([([], "count_all")])
    return {(row["account_id"], row["day"]): row["count_all"] for row in counts.to_pylist()}


@pytest.fixture
def direct(tmp_path) -> pa.Table:
    return pa.concat_tables(simulated_rows.lived(company(), tmp_path / "direct"))


def test_rows_made_directly_are_those_that_a_faultless_delivery_lands(direct, tmp_path, lake, monkeypatch):
    for fault in ("DUPLICATES", "BROKEN", "ANONYMOUS", "WITHOUT_ACCOUNT", "STRANGERS"):
        monkeypatch.setattr(mess, fault, 0.0)
    landed = lake.backend.to_pyarrow(land(tmp_path / "landing", lake))
    assert landed.num_rows > 3_000
    ordered = [rows.select(COMPARED).sort_by("event_id").combine_chunks() for rows in (direct, landed)]
    assert ordered[0].equals(ordered[1])


def test_some_of_the_rows_made_directly_come_late(direct):
    late = pc.mean(pc.greater(direct["known_day"], direct["ts"].cast(pa.date32())).cast(pa.int8())).as_py()
    assert late == pytest.approx(mess.LATE, rel=0.4)


def test_a_real_delivery_brings_the_same_use_but_for_the_little_it_loses(direct, tmp_path, lake):
    landing = tmp_path / "landing"
    events = land(landing, lake)
    people = lake.backend.create_table(
        "people", reading.table("user", landing, MAPPING, lake.backend, now=NOW), temp=True, overwrite=True
    )
    lake.replace(catalogue.IDENTITY_LINK, identity.links(lake.read(catalogue.IDENTITY_CALL), events, people))
    counted = known.events(lake, (date(2024, 7, 1), LAST_DAY))
    # Five demo tenants that no table knows are in a delivery too.
    landed = per_account_and_day(lake.backend.to_pyarrow(counted.filter(counted.account_id.startswith("acc-"))))
    made = per_account_and_day(direct)
    assert set(landed) <= set(made)
    assert all(landed[key] <= made[key] for key in landed)
    assert sum(landed.values()) / sum(made.values()) > 0.98


@pytest.mark.parametrize(
    ("figure", "value"),
    [("average_precision", 0.12), ("lift_at_tenth", 1.9), ("calibration_slope", 1.3), ("brier_skill_low", -0.01)],
)
def test_a_missed_goal_is_named(figure, value):
    good = {
        "average_precision": 0.2,
        "rule_average_precision": 0.1,
        "lift_at_tenth": 4.0,
        "calibration_slope": 1.0,
        "brier_skill_low": 0.05,
    }
    seeds = [good] * 4 + [good | {figure: value}] * 6
    assert not any(goal.missed([good] * 10) for goal in simulated_goals.GOALS)
    assert sum(bool(goal.missed(seeds)) for goal in simulated_goals.GOALS) == 1


def test_a_companys_facts_without_the_landing_are_whole_enough_for_a_morning(tmp_path):
    facts = simulated_rows.facts(company(), engine.connect(memory_limit="500MB", threads=1, spill=tmp_path), tmp_path)
    [(_, rows)] = snapshot.snapshots(facts, [LAST_DAY], MAPPING, facts.account.get_backend())
    assert rows.num_rows > 0
    assert pc.sum(rows["uses_28d"]).as_py() > 0

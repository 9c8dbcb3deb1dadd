from pathlib import Path

import dagster as dg
import pytest

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-03-01")
ROOT = Path(__file__).parents[2]


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def rollup(context: dg.AssetExecutionContext) -> None:
    context.log.info("nothing to do")


@pytest.fixture
def instance(tmp_path, monkeypatch):
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize("batch", ["0", "7"])
def test_a_backfill_in_one_run_records_each_of_its_days(instance, monkeypatch, capfd, batch):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    tags = {
        "dagster/asset_partition_range_start": "2026-01-05",
        "dagster/asset_partition_range_end": "2026-01-24",
    }
    assert dg.materialize([rollup], instance=instance, tags=tags).success
    assert len(instance.get_materialized_partitions(rollup.key)) == 20
    newest = instance.get_latest_materialization_event(rollup.key)
    assert newest.get_dagster_event().partition == "2026-01-24"
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    assert len(instance.event_log_storage.get_latest_storage_id_by_partition(rollup.key, planned)) == 20
    assert "Exception while storing event batch" not in capfd.readouterr().err


def test_what_one_process_recorded_another_reads(instance, tmp_path):
    run = dg.materialize([rollup], instance=instance, partition_key="2026-01-05")
    with dg.DagsterInstance.from_config(str(tmp_path)) as other:
        assert other.get_run_by_id(run.run_id).is_success
        assert other.get_materialized_partitions(rollup.key) == {"2026-01-05"}

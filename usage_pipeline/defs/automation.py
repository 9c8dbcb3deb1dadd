"""What starts by itself: new files, known days, a promoted model, and the rhythms of people."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg

from usage_pipeline.defs import jobs, pending
from usage_pipeline.defs.place import Place
from usage_pipeline.events import catalogue as events
from usage_pipeline.lake import upkeep
from usage_pipeline.models import registry
from usage_pipeline.sources import landing

# Runs looked back at for those that failed.
TRIES = 100


@dg.sensor(job=jobs.ingest, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def new_files(context: dg.SensorEvaluationContext, place: Place) -> dg.SensorResult | dg.SkipReason:
    """Asks for an ingest when files have landed.

    The cursor is everything seen so far, and the run key names the content seen, so that two
    files that arrive between two ticks are both landed, and one that arrives again is not. An
    ingest that failed is asked for again, under a key with the number of the try.
    """
    home = place.opened.home
    if not home.is_claimed:
        return dg.SkipReason(f"the home {home.path} is empty: run `usage-pipeline run` first")
    found = landing.deliveries(home.landing(), now=place.opened.now(), state=home.path / "landed")
    seen = set(json.loads(context.cursor)) if context.cursor else _landed_by_hand(place, found)
    present = {file.digest for delivery in found for file in delivery.files}
    key = hashlib.sha256("\n".join(sorted(present)).encode()).hexdigest()
    if present <= seen:
        failed = list(takewhile(_has_failed, _ended(context, jobs.ingest.name)))
        if not failed:
            return dg.SkipReason(f"nothing new in {home.landing()}")
        if not _is_time_again(failed, place):
            return dg.SkipReason("the last ingest failed: it is asked for again after a while")
        key = f"{key}#{len(failed)}"
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=key)],
        cursor=json.dumps(sorted(present | seen)),
    )


def _landed_by_hand(place: Place, found: list[landing.Delivery]) -> set[str]:
    """At the first look: the files of every delivery that a run of the terminal has landed."""
    lake = place.opened.lake
    landed = set(lake.backend.to_pyarrow(lake.read(events.BATCH).batch).to_pylist())
    return {
        file.digest
        for delivery in found
        if any(file.digest in landed for file in delivery.files)
        for file in delivery.files
    }


@dg.sensor(job=jobs.roll_up, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def known_days(context: dg.SensorEvaluationContext, place: Place) -> dg.SensorResult | dg.SkipReason:
    """Asks for the rollups of the days that an ingest touched, one run per contiguous range; for failed ones again."""
    if not place.opened.home.is_claimed:
        return dg.SkipReason("the home is empty")
    lake = place.opened.lake
    newest, ranges = pending.days(
        context.instance, lake.partitions(events.EVENT), upkeep.kept_since(lake, events.EVENT)
    )
    if not ranges:
        return dg.SkipReason("every known day is rolled up")
    ended = _ended(context, jobs.roll_up.name)
    requests = []
    for first, last in ranges:
        key = f"{newest}:{first}:{last}"
        failed = [run for run in ended if _has_failed(run) and _asked_as(run).partition("#")[0] == key]
        if failed and not _is_time_again(failed, place):
            continue
        requests.append(
            dg.RunRequest(
                run_key=f"{key}#{len(failed)}" if failed else key,
                tags={
                    "dagster/asset_partition_range_start": first.isoformat(),
                    "dagster/asset_partition_range_end": last.isoformat(),
                },
            )
        )
    return dg.SensorResult(run_requests=requests)


def _ended(context: dg.SensorEvaluationContext, job: str) -> Sequence[dg.RunRecord]:
    """The job's last runs that came to an end by themselves, newest first; what a person stopped stays stopped."""
    ends = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    return context.instance.get_run_records(ends, limit=TRIES)


def _has_failed(run: dg.RunRecord) -> bool:
    return run.dagster_run.status is dg.DagsterRunStatus.FAILURE


def _asked_as(run: dg.RunRecord) -> str:
    return run.dagster_run.tags.get("dagster/run_key", "")


def _is_time_again(failed: Sequence[dg.RunRecord], place: Place) -> bool:
    """Whether the pause after the newest failure is over: 2 minutes, twice as long after each, an hour at most."""
    ended = datetime.fromtimestamp(failed[0].end_time or 0, UTC).replace(tzinfo=None)
    return place.opened.now() >= ended + min(timedelta(minutes=2 ** len(failed)), timedelta(hours=1))


@dg.sensor(job=jobs.daily, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def promoted_model(context: dg.SensorEvaluationContext, place: Place) -> dg.SensorResult | dg.SkipReason:
    """Scores the newest morning again when a model was promoted (or rolled back) in MLflow."""
    opened = place.opened
    if not (opened.home.mlflow / "mlflow.sqlite").exists():
        return dg.SkipReason("no model was ever registered here")
    now = registry.champion_versions(opened.settings.mlflow_uri, list(opened.company.outcomes))
    before = json.loads(context.cursor) if context.cursor else None
    if before == now:
        return dg.SkipReason("the champions are those that scored last")
    days = opened.lake.partitions(events.EVENT)
    if before is None or not days:
        # The first look only notes who is champion: those have scored already.
        return dg.SensorResult(cursor=json.dumps(now))
    as_of = days[-1] + timedelta(days=1)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{as_of}:{json.dumps(now, sort_keys=True)}", partition_key=as_of.isoformat())
        ],
        cursor=json.dumps(now),
    )


nightly = dg.build_schedule_from_partitioned_job(
    jobs.daily, name="nightly_scores", hour_of_day=3, default_status=dg.DefaultScheduleStatus.STOPPED
)
nightly_delivery = dg.build_schedule_from_partitioned_job(
    jobs.deliver,
    name="nightly_delivery",
    hour_of_day=5,
    description="After the nightly scores. Off until a person has looked at a plan and switches it on.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
weekly_review = dg.ScheduleDefinition(name="weekly_review", job=jobs.review, cron_schedule="0 6 * * 1")
monthly_retraining = dg.ScheduleDefinition(name="monthly_retraining", job=jobs.retrain, cron_schedule="0 1 1 * *")


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def failed_run(context: dg.RunFailureSensorContext) -> None:
    """Says in one line of the log which run failed, at which step, and why."""
    first = next(iter(context.get_step_failure_events()), None)
    where = f"step {first.step_key}" if first else "before its first step"
    context.log.error("%s failed at %s: %s", context.dagster_run.job_name, where, context.failure_event.message)


automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all() - dg.AssetSelection.groups("sync"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
)

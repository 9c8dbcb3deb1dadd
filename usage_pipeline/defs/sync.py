"""`sync`: telling the CRM: a plan, then an act, and the ledger's account of it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from usage_pipeline.crm.client import Crm
from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.home import put
from usage_pipeline.lake import Table
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources import crm as crm_sources
from usage_pipeline.sync import applying, catalogue, exports, plans, preparing, wanted

MADE_FROM = (scores.ACCOUNT_SCORE, scores.ACCOUNT_HEALTH, segments.ACCOUNT_SEGMENT, plays.DECISION)


def make_plan(opened: Opened, crm: Crm, as_of: date) -> plans.Plan:
    """What a delivery of the morning would change in one CRM; nothing is sent."""

    def read(table: Table) -> pd.DataFrame:
        return opened.frame(opened.lake.read(table, (as_of, as_of) if table.partition else None))

    score, health, segment, decision = (read(table) for table in MADE_FROM)
    if decision.empty:
        raise Rejected(
            f"nothing was decided for the morning of {as_of}", fix="run the job `daily` for that morning first"
        )
    instance = crm.instance()
    links = read(sources.CRM_LINK)
    if not (links["instance"] == instance.key).any():
        raise Rejected(
            f"the accounts were never matched with the records of {instance.key}",
            fix="run the job `daily` for the morning: it reads the CRM and decides by what it holds",
        )
    return preparing.plan(
        crm,
        opened.ledger,
        wanted.fields(
            score,
            segment,
            health,
            decision,
            opened.ledger.assignments(),
            as_of,
            primary=opened.company.primary,
            holdout_visibility=opened.company.plays.holdout_visibility,
        ),
        wanted.tasks(decision),
        links,
        as_of=as_of,
        created_at=opened.now(),
        present=crm_sources.present(crm_sources.read(crm, opened.company)),
    )


def plan_file(opened: Opened, crm: str, as_of: date) -> Path:
    """Where a plan is kept, for a person to read and for the act that follows."""
    return opened.home.path / "plans" / f"{as_of}-{crm}.json"


@dg.asset(
    key=["sync", "plan"],
    group_name="sync",
    owners=[tables.SUCCESS],
    kinds={"python", "json"},
    partitions_def=partitions.MORNINGS,
    deps=[dg.AssetKey([table.stage, table.name]) for table in (*MADE_FROM, sources.CRM_LINK)],
)
def plan(context: dg.AssetExecutionContext, place: Place) -> dg.MaterializeResult[None]:
    """One plan per CRM and morning: every field old to new, every task to open, update or withdraw.

    Compared with what the CRM says now, so that an edit by hand is seen. Nothing is sent.
    """
    opened = place.opened
    (as_of,) = partitions.mornings(context)
    made = {}
    for name, crm in opened.crms().items():
        made[name] = make_plan(opened, crm, as_of)
        plan_file(opened, name, as_of).parent.mkdir(parents=True, exist_ok=True)
        put(plan_file(opened, name, as_of), made[name].to_json())
    return dg.MaterializeResult(
        metadata={
            "plan": dg.MarkdownMetadataValue("\n\n".join(one.to_markdown() for one in made.values())),
            **{f"{name}_fields": len(one.fields) for name, one in made.items()},
            **{f"{name}_tasks_to_open": len(one.new_tasks) for name, one in made.items()},
        }
    )


@dg.asset_check(asset=dg.AssetKey(["sync", "plan"]), blocking=True, partitions_def=partitions.MORNINGS)
def every_account_is_decided(context: dg.AssetCheckExecutionContext, place: Place) -> dg.AssetCheckResult:
    """Before anything is sent: each scored account has one decision per play, and no number lacks evidence."""
    as_of = partitions.day(context.partition_key)
    lake = place.opened.lake
    score = lake.read(scores.ACCOUNT_SCORE, (as_of, as_of))
    decision = lake.read(plays.DECISION, (as_of, as_of))
    counts = {
        "accounts": score.account_id.nunique(),
        "decided": decision.account_id.nunique(),
        "twice": decision.count() - decision.select("account_id", "play").distinct().count().as_scalar(),
        "numbers_without_evidence": (score.score.notnull() & (score.evidence != "sufficient")).sum(),
        "out_of_range": ((score.score < 0) | (score.score > 100)).sum(),
    }
    found = {name: lake.backend.to_pyarrow(count).as_py() or 0 for name, count in counts.items()}
    passed = (
        found["accounts"] > 0
        and found["accounts"] == found["decided"]
        and not any(found[name] for name in ("twice", "numbers_without_evidence", "out_of_range"))
    )
    return dg.AssetCheckResult(passed=passed, metadata=found)


@dg.multi_asset(
    name="delivered",
    specs=[
        tables.spec(
            table,
            owner=tables.SUCCESS,
            kinds={"hubspot", "salesforce"},
            partitions_def=partitions.MORNINGS,
        ).merge_attributes(deps=[dg.AssetKey(["sync", "plan"])])
        for table in catalogue.TABLES
    ],
    pool="crm",
)
def delivered(context: dg.AssetExecutionContext, place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """Apply the plans through the write-ahead ledger, each change once whatever crashed before, and export the ledger."""
    opened = place.opened
    (as_of,) = partitions.mornings(context)
    did, applied = {}, {}
    for name, crm in opened.crms().items():
        calls = crm.calls.total
        # Made a moment ago; a plan that something else has overtaken since is refused, and made again by a repeat.
        kept = plans.Plan.from_json(plan_file(opened, name, as_of).read_text(encoding="utf-8"))
        old = opened.settings.allow_old_morning
        applying.check(kept, crm, opened.ledger, now=opened.now, allow_old_morning=old)
        provisioned = preparing.provision(crm, opened.ledger)
        for created in provisioned.created:
            context.log.info("%s: created %s", name, created)
        applied[name] = applying.apply(
            kept, crm, opened.ledger, now=opened.now, progress=context.log.info, allow_old_morning=old
        )
        did[name] = asdict(applied[name]) | {
            "api_calls": crm.calls.total - calls,
            "provisioned": len(provisioned.created),
        }
    content: dict[Table, pd.DataFrame] = {
        catalogue.LOG: exports.log(opened.ledger),
        catalogue.ACKNOWLEDGED: exports.acknowledged(opened.ledger),
        catalogue.REJECTION: exports.rejection(opened.ledger),
    }
    for table, frame in content.items():
        written = opened.lake.replace(table, tables.memtable(table, frame))
        metadata: dict[str, Any] = {"dagster/row_count": written.rows, "dagster/uri": opened.lake.uri(table)}
        if table is catalogue.LOG:
            metadata |= {
                "delivery": did,
                "in_short": "; ".join(f"{name}: {one.in_short}" for name, one in applied.items()),
            }
        yield dg.MaterializeResult(asset_key=[table.stage, table.name], metadata=metadata)

"""`sync`: telling the CRM: first the plan, compared with what the CRM holds."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd

from usage_pipeline import periods
from usage_pipeline.crm.client import Crm, Record
from usage_pipeline.defs import messages, partitions, tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Problem, Rejected
from usage_pipeline.home import put
from usage_pipeline.lake import Table, Written
from usage_pipeline.ledger import suppressing
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources import crm as crm_sources
from usage_pipeline.sources import validity
from usage_pipeline.sync import catalogue, exports, people, plans, preparing, wanted
from usage_pipeline.sync import messages as sync_messages

MADE_FROM = (scores.ACCOUNT_SCORE, scores.ACCOUNT_HEALTH, segments.ACCOUNT_SEGMENT, plays.DECISION)

PEOPLE_FROM = (segments.USER_PERSONA, sources.USER)


def make_plan(opened: Opened, crm: Crm, as_of: date, held: list[Record] | None = None) -> plans.Plan:
    """What a delivery of the morning would change in one CRM; nothing is sent.

    Compared with the records `held`, read now where they were not before.
    """

    def read(table: Table) -> pd.DataFrame:
        return opened.frame(opened.lake.read(table, (as_of, as_of) if table.partition else None))

    score, health, segment, decision = (read(table) for table in MADE_FROM)
    if decision.empty:
        raise Rejected(
            f"nothing was decided for the morning of {as_of}", fix="run the job `daily` for that morning first"
        )
    # Whoever is kept out is treated like a leaver: no field, no task, and what is there is taken back.
    out = suppressing.on(opened.settings.ledger, as_of)
    score, health, segment, decision = (
        rows[~rows["account_id"].isin(out)] for rows in (score, health, segment, decision)
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
            contract=opened.contract,
        ),
        wanted.tasks(decision),
        links,
        as_of=as_of,
        created_at=opened.now(),
        present=crm_sources.present(
            crm_sources.read(crm, opened.company, opened.contract) if held is None else held, opened.contract
        ),
        contract=opened.contract,
        first_tasks_per_owner=opened.settings.first_tasks_per_owner,
        account_key=crm_sources.account_key(crm, opened.company),
        mode=opened.company.crm.companies,
        wanted_people=_people(opened, as_of) if crm.contacts else None,
    )


def _people(opened: Opened, as_of: date) -> pd.DataFrame:
    """What contacts should say on the morning."""
    personas = opened.frame(opened.lake.read(segments.USER_PERSONA, (as_of, as_of)))
    personas = personas[~personas["account_id"].isin(suppressing.on(opened.settings.ledger, as_of))]
    users = opened.frame(validity.newest(opened.lake.read(sources.USER), "user_id", before=periods.morning(as_of)))
    return people.wanted(personas, users, opened.contract.of_contacts)


def plan_file(opened: Opened, crm: str, as_of: date) -> Path:
    """Where a plan is kept, for a person to read and for the act that follows."""
    return opened.home.path / "plans" / f"{as_of}-{crm}.json"


@dg.multi_asset(
    name="planned",
    specs=[
        dg.AssetSpec(
            key=["sync", "plan"],
            group_name="sync",
            owners=[tables.SUCCESS],
            kinds={"python", "json"},
            partitions_def=partitions.MORNINGS,
            deps=[dg.AssetKey([table.stage, table.name]) for table in (*MADE_FROM, *PEOPLE_FROM, sources.CRM_LINK)],
            description="One plan per CRM and morning: every field old to new, every task to open, update or withdraw.",
        ),
        tables.spec(
            catalogue.SNAPSHOT,
            owner=tables.SUCCESS,
            kinds={"hubspot", "salesforce"},
            partitions_def=partitions.MORNINGS,
        ),
    ],
)
def plan(context: dg.AssetExecutionContext, place: Place) -> Iterator[dg.MaterializeResult[None]]:
    """One plan per CRM and morning, and what each CRM held when it was made.

    Compared with what the CRM says now, so that an edit by hand is seen. Nothing is sent.
    """
    opened = place.opened
    (as_of,) = partitions.mornings(context)
    made, snapshots, problems = {}, [], {}
    for name, crm in opened.crms().items():
        file = plan_file(opened, name, as_of)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            held = crm_sources.read(crm, opened.company, opened.contract)
            read_at = opened.now()
            made[name] = make_plan(opened, crm, as_of, held)
        except Problem as problem:
            # One CRM that is away stops no other: without a plan nothing is sent to it.
            file.unlink(missing_ok=True)
            problems[name] = problem
            context.log.warning("%s: no plan: %s", name, problem)
            continue
        put(file, plans.write([made[name]]))
        present = crm_sources.present(held, opened.contract)
        snapshots.append(exports.snapshot(present, crm.instance().key, as_of, read_at))
    if problems:
        messages.alert(opened, as_of, problems, progress=context.log.warning)
    if not made:
        raise Rejected("\n".join(f"{name}: {problem}" for name, problem in problems.items()))
    to_tell, untold = messages.planned(opened, as_of)
    sections = [*(one.to_markdown() for one in made.values()), *sync_messages.to_markdown(to_tell)]
    yield dg.MaterializeResult(
        asset_key=["sync", "plan"],
        metadata={
            "plan": dg.MarkdownMetadataValue("\n\n".join(sections)),
            "problems": [*(f"{name}: {problem}" for name, problem in problems.items()), *untold],
            **{f"{name}_fields": len(one.fields) for name, one in made.items()},
            **{f"{name}_tasks_to_open": len(one.new_tasks) for name, one in made.items()},
            **{f"{name}_messages": len(some) for name, some in to_tell.items()},
        },
    )
    written = _keep_snapshots(opened, as_of, snapshots)
    yield dg.MaterializeResult(
        asset_key=["sync", "snapshot"],
        metadata={"dagster/row_count": written.rows, "dagster/uri": opened.lake.uri(catalogue.SNAPSHOT)},
    )


def _keep_snapshots(opened: Opened, as_of: date, snapshots: Sequence[pd.DataFrame]) -> Written:
    """Put them in the morning's place; what an instance held that was not read this time stays."""
    new = pd.concat(snapshots, ignore_index=True)
    before = opened.frame(opened.lake.read(catalogue.SNAPSHOT, (as_of, as_of)))
    kept = before[~before["instance"].isin(set(new["instance"]))]
    content = new if kept.empty else pd.concat([kept, new], ignore_index=True)
    return opened.lake.replace(catalogue.SNAPSHOT, tables.memtable(catalogue.SNAPSHOT, content), [as_of])


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

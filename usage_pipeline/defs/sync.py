"""`sync`: telling the CRM: a plan, then an act, and the ledger's account of it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pydantic

from usage_pipeline.channels.client import ChannelName
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import COHORTS
from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Problem, Rejected
from usage_pipeline.home import put
from usage_pipeline.lake import Table
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources import crm as crm_sources
from usage_pipeline.sync import catalogue, delivering, exports, messages, plans, preparing, wanted
from usage_pipeline.sync.fitness import Tripped

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
            contract=opened.contract,
        ),
        wanted.tasks(decision),
        links,
        as_of=as_of,
        created_at=opened.now(),
        present=crm_sources.present(crm_sources.read(crm, opened.company, opened.contract), opened.contract),
        contract=opened.contract,
        first_tasks_per_owner=opened.settings.first_tasks_per_owner,
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
    made, problems = {}, []
    for name, crm in opened.crms().items():
        file = plan_file(opened, name, as_of)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            made[name] = make_plan(opened, crm, as_of)
        except Problem as problem:
            # One CRM that is away stops no other: without a plan nothing is sent to it.
            file.unlink(missing_ok=True)
            problems.append(f"{name}: {problem}")
            context.log.warning("%s: no plan: %s", name, problem)
            continue
        put(file, plans.write([made[name]]))
    if not made:
        raise Rejected("\n".join(problems))
    return dg.MaterializeResult(
        metadata={
            "plan": dg.MarkdownMetadataValue("\n\n".join(one.to_markdown() for one in made.values())),
            "problems": problems,
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


class Delivery(dg.Config):
    """On which terms the plans are carried out; every one is optional."""

    plan: str = ""
    """File of the plans to apply; empty: those of the morning, made last."""
    select: list[str] = pydantic.Field(default_factory=list)
    """Only these accounts or cohorts."""
    limit: int | None = None
    """At most so many accounts."""
    canary: int | None = None
    """So many accounts first, and the rest only if none of them was refused."""
    approved_by: str = ""
    """Who approved it; kept in the ledger."""
    crm: str = ""
    """Only this CRM; empty: all that are configured."""
    override: str = ""
    """Why the circuit breaker is overruled; kept in the ledger."""

    def terms(self, opened: Opened, as_of: date) -> delivering.Terms:
        return delivering.Terms(
            accounts=selected(opened, self.select, as_of) if self.select else None,
            limit=self.limit,
            canary=self.canary,
            approved_by=self.approved_by or None,
            override=self.override or None,
            allow_old_morning=opened.settings.allow_old_morning,
        )


def selected(opened: Opened, names: Sequence[str], as_of: date) -> set[str]:
    """The accounts that are named, or that are of a cohort that is; `Rejected` for a name that is neither."""
    segment = opened.frame(opened.lake.read(segments.ACCOUNT_SEGMENT, (as_of, as_of)))
    found: set[str] = set()
    for name in names:
        accounts = segment.loc[(segment["account_id"] == name) | (segment["cohort"] == name), "account_id"]
        if accounts.empty:
            raise Rejected(
                f"{name} is neither an account nor a cohort of the morning of {as_of}",
                fix=f"name an account id, or one of {', '.join(COHORTS)}",
            )
        found |= set(accounts)
    return found


def _kept_plan(opened: Opened, config: Delivery, crm: str, as_of: date) -> plans.Plan | None:
    """The plan to apply; None where a file of plans has none for this CRM."""
    if not config.plan:
        file = plan_file(opened, crm, as_of)
        if not file.exists():
            raise Rejected(f"there is no plan of the morning of {as_of}", fix="make one with `usage-pipeline plan`")
        return plans.read(file.read_text(encoding="utf-8"))[0]
    return next((one for one in plans.read(Path(config.plan).read_text(encoding="utf-8")) if one.crm == crm), None)


def tell(
    context: dg.AssetExecutionContext, opened: Opened, config: Delivery, as_of: date
) -> tuple[dict[ChannelName, messages.Sent], list[str]]:
    """Send the messages of the morning's plays in their channels: what was sent, and what stood against it."""
    wanted_in = opened.company.plays.channels
    names = sorted({name for some in wanted_in.values() for name in some})
    if not names:
        return {}, []
    try:
        channels = opened.channels()
    except Problem as problem:
        return {}, [f"messages: {problem}"]
    told: dict[ChannelName, messages.Sent] = {}
    problems = []
    terms = config.terms(opened, as_of)

    def read(table: Table) -> pd.DataFrame:
        return opened.frame(opened.lake.read(table, (as_of, as_of) if table.partition else None))

    decision, score = read(plays.DECISION), read(scores.ACCOUNT_SCORE)
    tiers = dict(zip(zip(score["account_id"], score["outcome"], strict=True), score["tier"], strict=True))
    links = messages.account_links(
        read(sources.CRM_LINK),
        hubspot=bool(opened.settings.hubspot_url),
        salesforce_url=opened.settings.salesforce_url,
    )
    for name in names:
        channel = channels.get(name)
        if channel is None:
            problems.append(f"{name}: plays.channels names it, and USAGE_{name.upper()}_URL is empty")
            continue
        known = messages.sent_keys(opened.ledger, channel, as_of)
        made = messages.plan(decision, known, wanted_in, as_of, tiers=tiers, links=links)
        try:
            told[name] = messages.deliver(
                made,
                channel,
                opened.ledger,
                as_of=as_of,
                now=opened.now,
                progress=context.log.info,
                accounts=terms.accounts,
                limit=terms.limit,
                allow_old_morning=terms.allow_old_morning,
            )
        except Problem as problem:
            problems.append(f"{name}: {problem}")
    return told, problems


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
def delivered(
    context: dg.AssetExecutionContext, config: Delivery, place: Place
) -> Iterator[dg.MaterializeResult[None]]:
    """Apply the plans through the write-ahead ledger, each change once whatever crashed before, and export the ledger.

    One CRM that is away or refuses stops no other; the run fails in the end and says why.
    """
    opened = place.opened
    (as_of,) = partitions.mornings(context)
    did, in_short, problems, is_stopped = {}, [], [], False
    for name, crm in opened.crms().items():
        if config.crm not in {"", name}:
            continue
        calls = crm.calls.total
        try:
            kept = _kept_plan(opened, config, name, as_of)
            if kept is None:
                continue
            applied, provisioned = delivering.deliver(
                kept,
                crm,
                opened.ledger,
                config.terms(opened, as_of),
                now=opened.now,
                replan=partial(make_plan, opened, crm, as_of),
                progress=context.log.info,
                contract=opened.contract,
            )
        except Problem as problem:
            problems.append(f"{name}: {problem}")
            is_stopped = is_stopped or isinstance(problem, Tripped)
            continue
        did[name] = asdict(applied) | {
            "api_calls": crm.calls.total - calls,
            "provisioned": len(provisioned.created),
        }
        in_short.append(f"{name}: {applied.in_short}")
    # A morning that no CRM took, that looks wrong, or of which a person chose a part by a file or a CRM, is not told.
    told: dict[ChannelName, messages.Sent] = {}
    if not (is_stopped or config.plan or config.crm) and (did or not problems):
        told, untold = tell(context, opened, config, as_of)
        in_short += [f"{name}: {sent.in_short}" for name, sent in told.items()]
        problems += untold
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
                "messages": {name: asdict(sent) for name, sent in told.items()},
                "in_short": "; ".join(in_short + problems),
            }
        yield dg.MaterializeResult(asset_key=[table.stage, table.name], metadata=metadata)
    if problems:
        raise Rejected("\n".join(problems))

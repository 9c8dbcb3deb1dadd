"""`sync`, the act: the plans of a morning carried out, its messages sent, and what came of it as tables."""

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
from usage_pipeline.crm.contract import COHORTS
from usage_pipeline.defs import messages, partitions, tables
from usage_pipeline.defs import sync as planning
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Problem, Rejected
from usage_pipeline.lake import Table
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sync import catalogue, delivering, exports, plans, telling
from usage_pipeline.sync.fitness import Tripped


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
        file = planning.plan_file(opened, crm, as_of)
        if not file.exists():
            raise Rejected(
                f"there is no plan of the morning of {as_of}", fix="`usage-pipeline plan` says why there is none"
            )
        return plans.read(file.read_text(encoding="utf-8"))[0]
    return next((one for one in plans.read(Path(config.plan).read_text(encoding="utf-8")) if one.crm == crm), None)


@dg.multi_asset(
    name="delivered",
    specs=[
        tables.spec(
            table,
            owner=tables.SUCCESS,
            kinds={"hubspot", "salesforce"},
            partitions_def=partitions.MORNINGS,
        ).merge_attributes(deps=[dg.AssetKey(["sync", "plan"])])
        for table in catalogue.EXPORTS
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
    terms = config.terms(opened, as_of)
    did: dict[str, dict[str, Any]] = {}
    in_short: list[str] = []
    stops: dict[str, Problem] = {}
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
                terms,
                now=opened.now,
                replan=partial(planning.make_plan, opened, crm, as_of),
                progress=context.log.info,
                contract=opened.contract,
            )
        except Problem as problem:
            stops[name] = problem
            continue
        did[name] = asdict(applied) | {
            "api_calls": crm.calls.total - calls,
            "provisioned": len(provisioned.created),
        }
        in_short.append(f"{name}: {applied.in_short}")
    # A morning that no CRM took, that looks wrong, or of which a person chose a part by a file or a CRM, is not told.
    is_part = bool(config.plan or config.crm)
    is_tripped = any(isinstance(problem, Tripped) for problem in stops.values())
    told: dict[ChannelName, telling.Sent] = {}
    missing: list[str] = []
    if not (is_tripped or is_part) and (did or not stops):
        told, untold, missing = messages.tell(
            opened,
            as_of,
            progress=context.log.info,
            accounts=terms.accounts,
            limit=terms.limit,
            allow_old_morning=terms.allow_old_morning,
        )
        in_short += [f"{name}: {sent.in_short}" for name, sent in told.items()]
        stops |= untold
    # Who applies a file, or to one CRM, sits before the terminal and reads there why it failed.
    to_alert = {name: one for name, one in stops.items() if not is_part or isinstance(one, Tripped)}
    raised, unheard = messages.alert(opened, as_of, to_alert, progress=context.log.info)
    for words in unheard:
        context.log.warning(words)
    problems = [*(f"{name}: {problem}" for name, problem in stops.items()), *missing]
    content: dict[Table, pd.DataFrame] = {
        catalogue.LOG: exports.log(opened.ledger),
        catalogue.ACKNOWLEDGED: exports.acknowledged(opened.ledger),
        catalogue.REJECTION: exports.rejection(opened.ledger),
        catalogue.ALERT: exports.alert(opened.ledger),
    }
    for table, frame in content.items():
        written = opened.lake.replace(table, tables.memtable(table, frame))
        metadata: dict[str, Any] = {"dagster/row_count": written.rows, "dagster/uri": opened.lake.uri(table)}
        if table is catalogue.LOG:
            metadata |= {
                "delivery": did,
                "messages": {name: asdict(sent) for name, sent in told.items()},
                "alerts": [asdict(one) for one in raised],
                "alerts_not_sent": unheard,
                "in_short": "; ".join([*in_short, *problems, *(f"alert: {one.title}" for one in raised)]),
            }
        yield dg.MaterializeResult(asset_key=[table.stage, table.name], metadata=metadata)
    if problems:
        raise Rejected("\n".join(problems))

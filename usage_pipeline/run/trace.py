"""One account as one chain: events, usage, features, model, score, decision, CRM, outcome."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from numbers import Integral, Real
from typing import Any

import ibis
import pandas as pd
from rich.console import Console

from usage_pipeline import frames
from usage_pipeline.defs.place import Opened
from usage_pipeline.errors import Rejected
from usage_pipeline.events import catalogue as events
from usage_pipeline.events import known
from usage_pipeline.features import catalogue as features
from usage_pipeline.lake import Lake, Table
from usage_pipeline.outcomes import catalogue as outcomes
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sync import catalogue as sync
from usage_pipeline.usage import catalogue as usage

SHOWN_FEATURES = (
    "users_28d", "users_change_28d", "uses_28d", "features_28d", "days_since_last_use",
    "seat_use_28d", "tickets_90d", "integrations", "mrr_minor", "days_to_renewal",
)  # fmt: skip
"""What most people ask for first; the rest is one query away."""

ASKED = {True: "yes", False: "NO", None: "-"}
"""A gate's answer; a gate after the first NO is not asked."""

# Two months of weekly deliveries to both CRMs; the table has all of them.
SHOWN_OPERATIONS = 20


def show(opened: Opened, account: str, as_of: date | None, console: Console) -> None:
    """Print the chain of one account for a morning, by default the newest scored one."""
    mornings = opened.lake.partitions(scores.ACCOUNT_SCORE)
    if not mornings:
        raise Rejected("nothing was scored here yet", fix="run `usage-pipeline run` first")
    morning = as_of or mornings[-1]
    chain = _Chain(opened, account, morning)
    score = chain.rows(scores.ACCOUNT_SCORE)
    if score.empty:
        raise Rejected(
            f"there is no account {account!r} on the morning of {morning}",
            fix=f"name an account id as the product gives it; scored mornings: {mornings[0]} to {mornings[-1]}",
        )

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    console.rule(f"{account}, morning of {morning}", align="left")
    for row in chain.rows(sources.ACCOUNT, newest_by="valid_from").to_dict("records"):
        say(
            f"account     {row['name']} ({row['domain']}), {row['industry']}, owner {row['owner_email']}, since {row['created_at']:%Y-%m-%d}"
        )
    say(counted(opened.lake, account, morning))
    say(_usage(chain))
    for row in chain.rows(features.ACCOUNT_SNAPSHOT).to_dict("records"):
        say("features    " + ", ".join(f"{name} {_value(row[name])}" for name in SHOWN_FEATURES))
    for row in chain.rows(segments.ACCOUNT_SEGMENT).to_dict("records"):
        say(f"segment     {row['cohort']}: {row['cohort_rule']}; {row['bucket']}; curve {row['curve']}")
    for row in score.to_dict("records"):
        say(_score(row))
    for row in chain.rows(scores.ACCOUNT_HEALTH).to_dict("records"):
        say(f"health      {_value(row['health'])} ({row['health_tier']})")
    for row in chain.rows(plays.DECISION).to_dict("records"):
        gates = ", ".join(f"{gate['gate']} {ASKED[gate['passed']]}" for gate in json.loads(row["gates"]))
        say(f"play        {row['play']}: {row['decision']}: {row['reason']}\n              gates: {gates}")
    for row in chain.rows(sources.CRM_LINK).to_dict("records"):
        say(
            f"crm record  {row['crm']}: {row['state']} {row['crm_id'] or ''} by {row['matched_by'] or '-'} ({row['crm_name'] or row['detail'] or ''})"
        )
    for line in acknowledged(frames.rows(chain.rows(sync.ACKNOWLEDGED))):
        say(line)
    for line in sent(frames.rows(chain.rows(sync.LOG)), morning):
        say(line)
    for episode in frames.rows(chain.rows(outcomes.EPISODE)):
        say(_outcome(episode))


class _Chain:
    """The rows of one account in any table."""

    def __init__(self, opened: Opened, account: str, morning: date) -> None:
        self.opened = opened
        self.account = account
        self.morning = morning

    def rows(self, table: Table, newest_by: str | None = None) -> pd.DataFrame:
        found = self.opened.lake.read(table, (self.morning, self.morning) if table.partition == "as_of" else None)
        found = found.filter(found.account_id == self.account)
        if newest_by:
            found = found.order_by(ibis.desc(newest_by)).limit(1)
        return self.opened.frame(found)


def counted(lake: Lake, account: str, morning: date) -> str:
    """The account's events before the morning, those that name it only through a person or a browser included."""
    days = lake.partitions(events.EVENT)
    found = known.events(lake, (days[0], morning - ONE_DAY))
    own = lake.backend.to_pandas(
        found.filter(found.account_id == account).select("event_id", "ts", "known_day", "batch", "line")
    )
    if own.empty:
        return "events      none so far"
    copies = lake.read(events.EVENT, (days[0], morning - ONE_DAY))
    copies = copies.semi_join(ibis.memtable(own[["event_id"]].drop_duplicates()), "event_id")
    read = lake.backend.to_pandas(copies.select("batch", "line", "account_id"))
    stated = own.merge(read[read.account_id.notna()], on=["batch", "line"])
    late = int((pd.to_datetime(own.known_day).dt.normalize() > own.ts.dt.normalize()).sum())
    return (
        f"events      {len(own):,} counted: {len(stated):,} name the account, {len(own) - len(stated):,} came through an "
        f"identity link; {late:,} known late, {len(read) - len(own):,} further copies; "
        f"{own.ts.min():%Y-%m-%d %H:%M} to {own.ts.max():%Y-%m-%d %H:%M}"
    )


def acknowledged(fields: list[dict[str, Any]]) -> Iterator[str]:
    """What each CRM last confirmed to hold, a line per field."""
    width = max((len(row["field"]) for row in fields), default=0)
    last = None
    for row in sorted(fields, key=lambda row: (row["crm"], row["crm_id"], row["field"])):
        record = (row["crm"], row["crm_id"])
        if record != last:
            yield f"acknowledged by {row['crm']} for record {row['crm_id']}"
            last = record
        value = "(emptied)" if row["value"] is None else row["value"].replace("\n", "; ")
        yield f"              {row['field']:<{width}}  {row['at']:%Y-%m-%d %H:%M}  {value}"


def sent(operations: list[dict[str, Any]], morning: date) -> Iterator[str]:
    """The newest operations up to the morning, in the order in which they were planned."""
    done = [row for row in operations if frames.as_day(row["as_of"]) <= morning]
    done.sort(key=lambda row: (row["planned_at"], row["crm"], row["kind"]))
    if len(done) > SHOWN_OPERATIONS:
        yield f"log         {len(done) - SHOWN_OPERATIONS:,} earlier operations: see sync/log"
    for row in done[-SHOWN_OPERATIONS:]:
        payload = json.loads(row["payload"])
        what = payload.get("after", payload).get("subject") or ", ".join(sorted(payload)) or row["key"]
        refused = f": {row['cause']}: {row['detail']}" if row["cause"] else ""
        yield (
            f"log         {frames.as_day(row['as_of'])}  {row['crm']:<10}  {row['kind']:<13}  "
            f"{row['state']}{refused}  {what}"
        )


def _outcome(row: Mapping[str, Any]) -> str:
    happened = {
        True: "happened",
        False: "did not happen",
        None: f"not yet known until {frames.as_day(row['known_on'])}",
    }
    task = f", task {row['status']}" if row["status"] else ""
    since = frames.as_day(row["assigned_on"])
    return f"outcome     {row['play']} ({row['arm']} since {since}{task}): {row['outcome']} {happened[row['happened']]}"


def _usage(chain: _Chain) -> str:
    found = chain.opened.lake.read(usage.ACCOUNT_DAY)
    found = found.filter((found.account_id == chain.account) & (found.known_day < chain.morning))
    row = chain.opened.lake.backend.to_pandas(
        found.agg(days=found.day.nunique(), uses=found.uses.sum(), sessions=found.sessions.sum())
    ).iloc[0]
    return f"usage       {_value(row['days'])} days in use, {_value(row['uses'])} uses of features, {_value(row['sessions'])} sessions"


def _score(row: Mapping[Any, Any]) -> str:
    if row["evidence"] != "sufficient":
        return f"score       {row['outcome']}: insufficient evidence ({row['evidence']}): {row['evidence_detail']}"
    reasons = "".join(
        f"\n              - {row[name]}" for name in ("reason_1", "reason_2", "reason_3") if not _is_unknown(row[name])
    )
    return (
        f"score       {row['outcome']}: {row['score']} of 100, rank {_value(row['rank'])}, {row['tier']} ({row['tier_rule']}), "
        f"model v{row['model_version']} (MLflow run {row['run_id']}){reasons}"
    )


def _is_unknown(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def _value(value: Any) -> str:
    if _is_unknown(value):
        return "unknown"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    return f"{float(value):,.2f}".rstrip("0").rstrip(".") if isinstance(value, Real) else str(value)

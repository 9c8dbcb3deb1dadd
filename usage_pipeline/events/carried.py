"""Sums of the landed events that later steps ask for again and again, carried along batch by batch.

Each is brought up to date from the batches that it has not seen, so that its cost is that
of what is new: of which ids events name together (NAMING), and how many events count per
account and day (TALLY).
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.engine import whole
from usage_pipeline.events import catalogue, copies
from usage_pipeline.lake import Lake, Span, Table


def carry_naming(lake: Lake) -> int:
    """Add to NAMING what the batches it has not seen name together; gives how many batches that were."""
    batches, days = unseen(lake, catalogue.NAMING)
    if days is not None:
        events = lake.read(catalogue.EVENT, days)
        fresh = lake.backend.to_pyarrow(named(events.filter(events["batch"].isin(batches))))
        # In one commit, which knows all of them afterwards.
        empty = catalogue.NAMING.schema.to_pyarrow().empty_table()
        rows = dict.fromkeys(batches, empty) | {batches[0]: fresh}
        lake.append_batches(catalogue.NAMING, rows)
    return len(batches)


def carry_tally(lake: Lake) -> int:
    """Count again the known days that the batches TALLY has not seen touched; gives how many batches that were."""
    batches, days = unseen(lake, catalogue.TALLY)
    if days is not None:
        lake.replace(catalogue.TALLY, tallied(copies.landed(lake, days)), days, batches=batches)
    return len(batches)


def carry_profile(lake: Lake) -> int:
    """Look again at the known days that the batches PROFILE has not seen touched; gives how many batches that were."""
    batches, days = unseen(lake, catalogue.PROFILE)
    if days is not None:
        lake.replace(catalogue.PROFILE, profiled(lake.read(catalogue.EVENT, days)), days, batches=batches)
    return len(batches)


def profiled(events: ir.Table) -> ir.Table:
    """PROFILE: valid copies of events per input, name, day and known day, and how many lack what."""
    dated = events.mutate(day=events["ts"].date())
    lacking = {
        "without_account": "account_id",
        "without_user": "user_id",
        "without_feature": "feature",
        "without_session": "session_id",
        "without_duration": "duration_ms",
    }
    return catalogue.PROFILE.conform(
        dated.group_by(["source", "name", "day", "known_day"]).aggregate(
            events=whole(dated.count()),
            last_ts=dated["ts"].max(),
            **{name: whole(dated[column].isnull().sum()) for name, column in lacking.items()},
        )
    )


def named(events: ir.Table) -> ir.Table:
    """NAMING: the ids that events name together, and the earliest moment each group became known."""
    ids = ["account_id", "user_id", "anonymous_id"]
    several = whole(sum(events[name].notnull().cast("int64") for name in ids)) > 1
    # An id that is an address names its company by its domain (events/identity_domains).
    together = events.filter(several | events["user_id"].contains("@").fill_null(False))  # noqa: FBT003 - a value
    return catalogue.NAMING.conform(together.group_by(ids).aggregate(known_at=together["known_at"].min()))


def tallied(counted: ir.Table) -> ir.Table:
    """TALLY: counted events per account as stated, day, known day and, where one is stated, person and session."""
    of_person = counted["session_id"].notnull() & counted["user_id"].notnull()
    nobody = ibis.null("string")
    rows = counted.select(
        "account_id",
        "known_day",
        user_id=ibis.ifelse(of_person, counted["user_id"], nobody),
        session_id=ibis.ifelse(of_person, counted["session_id"], nobody),
        day=counted["ts"].date(),
    )
    return catalogue.TALLY.conform(
        rows.group_by(["account_id", "user_id", "session_id", "day", "known_day"]).aggregate(events=whole(rows.count()))
    )


def unseen(lake: Lake, table: Table) -> tuple[list[str], Span | None]:
    """The landed batches that the table has not seen, and the known days they touched, first and last."""
    landed = lake.backend.to_pyarrow(lake.read(catalogue.BATCH).select("batch", "first_known_day", "last_known_day"))
    seen = lake.batches(table, landed["batch"].to_pylist())
    new = landed.filter(pa.array([batch not in seen for batch in landed["batch"].to_pylist()], pa.bool_()))
    first, last = pc.min(new["first_known_day"]).as_py(), pc.max(new["last_known_day"]).as_py()
    return sorted(new["batch"].to_pylist()), None if first is None else (first, last)

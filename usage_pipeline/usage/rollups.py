"""Events to rollups: one pure function per table of the catalogue.

`parts` are the rows of one known day or of a whole range of known days; either way each
known day's rows are the same. `earlier` are rows of the same table that became known before
the range. Which of them are needed is `reach`: none on an ordinary day, so that the cost of
a day does not grow with history; only `first_use` needs all (one row per account, person and
feature, not per day).
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.lake import Span
from usage_pipeline.usage import catalogue, clocks

# A pause that ends a session, the convention of web analytics.
PAUSE_MINUTES = 30

USED = (
    "ts",
    "account_id",
    "user_id",
    "anonymous_id",
    "name",
    "feature",
    "quantity",
    "duration_ms",
    "session_id",
    "known_day",
)
"""The columns of events that rollups are made of."""

_PART = ["account_id", "user_id", "feature", "day", "known_day"]


def zones(account: ir.Table) -> ir.Table:
    """Each account's time zone and the known days for which it holds, from the account table with its changes."""
    return clocks.zones(account)


def user_feature_day(events: ir.Table, zones: ir.Table, *, non_interaction: Sequence[str] = ()) -> ir.Table:
    """Resolved events, counted per account, person, feature, day and known day; hours by the account's clock.

    Events named in `non_interaction` are nothing that people do, and count in no rollup of use.
    """
    if non_interaction:
        events = events.filter(events.name.notin(list(non_interaction)))
    timed = clocks.with_local_time(events.drop("session_id", "anonymous_id", "name"), zones)
    timed = timed.mutate(day=timed.ts.date())
    counted = timed.group_by(_PART).agg(
        events=engine.whole(timed.count()),
        duration_ms=engine.whole(timed.duration_ms.sum()),
        quantity=timed.quantity.sum().fill_null(0),
        working_events=engine.whole(clocks.is_working(timed.local).sum()),
        evening_events=engine.whole(clocks.is_evening(timed.local).sum()),
        weekend_events=engine.whole(clocks.is_weekend(timed.local).sum()),
    )
    begun = _sessions_begun(events)
    # identical_to: an event without a person or a feature is one of its kind too.
    rows = counted.left_join(begun, [counted[key].identical_to(begun[key]) for key in _PART])
    return catalogue.USER_FEATURE_DAY.conform(rows.mutate(sessions=rows.sessions.fill_null(0)))


def event_day(events: ir.Table) -> ir.Table:
    """Resolved events, counted per account, event name, day and known day."""
    dated = events.mutate(day=events.ts.date())
    return catalogue.EVENT_DAY.conform(
        dated.group_by("account_id", "name", "day", "known_day").agg(
            events=engine.whole(dated.count()), quantity=dated.quantity.sum().fill_null(0)
        )
    )


def user_day(parts: ir.Table, earlier: ir.Table) -> ir.Table:
    """Rows of `user_feature_day`, summed per account and person; `earlier` rows of `user_day`."""
    people = parts.filter(parts.user_id.notnull())
    rows = people.group_by("account_id", "user_id", "day", "known_day").agg(
        events=engine.whole(people.events.sum()),
        uses=_uses(people),
        sessions=engine.whole(people.sessions.sum()),
        duration_ms=engine.whole(people.duration_ms.sum()),
    )
    return catalogue.USER_DAY.conform(_first_marked(rows, earlier, ["account_id", "user_id", "day"]))


def feature_day(parts: ir.Table, earlier: ir.Table) -> ir.Table:
    """Rows of `user_feature_day`, summed per account and feature; `earlier` rows of `feature_day`."""
    used = parts.filter(parts.feature.notnull())
    rows = used.group_by("account_id", "feature", "day", "known_day").agg(
        events=engine.whole(used.events.sum()),
        users=engine.whole(used.user_id.count()),
        quantity=used.quantity.sum(),
        duration_ms=engine.whole(used.duration_ms.sum()),
    )
    return catalogue.FEATURE_DAY.conform(_first_marked(rows, earlier, ["account_id", "feature", "day"]))


def account_day(parts: ir.Table, people: ir.Table) -> ir.Table:
    """Rows of `user_feature_day`, summed per account; `people` are the `user_day` rows of the same known days."""
    sums = parts.group_by("account_id", "day", "known_day").agg(
        events=engine.whole(parts.events.sum()),
        uses=_uses(parts),
        sessions=engine.whole(parts.sessions.sum()),
        duration_ms=engine.whole(parts.duration_ms.sum()),
        quantity=parts.quantity.sum(),
        working_events=engine.whole(parts.working_events.sum()),
        evening_events=engine.whole(parts.evening_events.sum()),
        weekend_events=engine.whole(parts.weekend_events.sum()),
    )
    active = people.group_by("account_id", "day", "known_day").agg(active_users=engine.whole(people.is_first.sum()))
    rows = sums.left_join(active, ["account_id", "day", "known_day"])
    return catalogue.ACCOUNT_DAY.conform(rows.mutate(active_users=rows.active_users.fill_null(0)))


def first_use(parts: ir.Table, earlier: ir.Table) -> ir.Table:
    """When an account, person and feature were first seen together, each time an earlier day became known.

    `earlier` are all rows of `first_use` that became known before the parts.
    """
    keys = ["account_id", "user_id", "feature"]
    rows = parts.group_by([*keys, "known_day"]).agg(first_day=parts.day.min())
    known = earlier.group_by(keys).agg(seen_day=earlier.first_day.min())
    # identical_to: an event without a person or a feature is one of its kind too.
    rows = rows.left_join(known, [rows[key].identical_to(known[key]) for key in keys])
    before = rows.first_day.min().over(group_by=keys, order_by="known_day", rows=(None, -1))
    rows = rows.mutate(before=ibis.least(before, rows.seen_day))
    return catalogue.FIRST_USE.conform(rows.filter(rows.before.isnull() | (rows.first_day < rows.before)))


def last_use(parts: ir.Table, earlier: ir.Table) -> ir.Table:
    """Each known day on which an account's last day of use advanced; `earlier` rows of `last_use`."""
    rows = parts.group_by("account_id", "known_day").agg(last_day=parts.day.max())
    known = earlier.group_by("account_id").agg(seen_day=earlier.last_day.max())
    rows = rows.left_join(known, "account_id")
    before = rows.last_day.max().over(group_by="account_id", order_by="known_day", rows=(None, -1))
    rows = rows.mutate(before=ibis.greatest(before, rows.seen_day))
    return catalogue.LAST_USE.conform(rows.filter(rows.before.isnull() | (rows.last_day > rows.before)))


def reach(oldest_day: date | None, first: date) -> Span | None:
    """The known days of `earlier` that `user_day`, `feature_day` and `last_use` need; None: none of them.

    `oldest_day` is the oldest day in the parts, `first` the first of their known days. A part
    of a day becomes known on that day or after it, so where nothing came late there is
    nothing earlier to look at.
    """
    if oldest_day is None or oldest_day >= first:
        return None
    return oldest_day, first - periods.ONE_DAY


def _sessions_begun(events: ir.Table) -> ir.Table:
    """Sessions that begin in each part: a stated one with its first event, any other after a pause.

    A session that runs over midnight is counted on both days, so that a day's partition
    needs no other day. Only what may begin one is put in order: that is a few rows of many. Of what one moment
    holds, what the rows themselves say decides, so that no id, which is nearly as wide as all else, need be read.
    """
    begins = _stated(events).union(_after_a_pause(events))
    begins = begins.mutate(day=begins.ts.date())
    return begins.group_by(_PART).agg(sessions=engine.whole(begins.count()))


_BEGINS = ["account_id", "user_id", "feature", "ts", "known_day"]


def _stated(events: ir.Table) -> ir.Table:
    """The first event of each stated session and known day."""
    key = ["account_id", "session_id", "known_day"]
    stated = events.filter(events.session_id.notnull())
    first = stated.group_by(key).agg(ts=stated.ts.min())
    # An account is there, and the session and the day: plain equality will do.
    tied = stated.select(*_BEGINS, "session_id").semi_join(first, [*key, "ts"])
    place = ibis.row_number().over(group_by=key, order_by=["user_id", "feature"])
    return tied.mutate(place=place).filter(ibis._.place == 0).select(*_BEGINS)


def _after_a_pause(events: ir.Table) -> ir.Table:
    """The events that state no session and come first, or after a pause, of what their person did that day."""
    person = ["account_id", "user_id", "anonymous_id", "known_day"]
    # By half hours: no pause is within one, and what is not in the one before is no less than a pause ago.
    pause = ibis.interval(minutes=PAUSE_MINUTES)
    hour = events.ts.truncate("h")
    at = events.select(
        *person, "ts", said=events.session_id, half=ibis.ifelse(events.ts.minute() < PAUSE_MINUTES, hour, hour + pause)
    )
    halves = at.group_by([*person, "half"]).agg(
        first=at.ts.min(), last=at.ts.max(), silent=at.count(where=at.said.isnull())
    )
    quiet = halves.filter(halves.silent > 0)
    # An event that states its session ends a pause too.
    before = halves.select(*person, next=halves.half + pause, until=halves["last"] + pause)
    begun = quiet.anti_join(
        before,
        [
            *(quiet[name].identical_to(before[name]) for name in person),
            quiet.half == before.next,
            quiet["first"] <= before.until,
        ],
    ).select(*person, ts="first")
    rows = events.select(*_BEGINS, "anonymous_id", "session_id")
    tied = rows.semi_join(begun, [rows[name].identical_to(begun[name]) for name in [*person, "ts"]])
    # One that states its session goes before one that does not, and so begins nothing.
    place = ibis.row_number().over(group_by=[*person, "ts"], order_by=["session_id", "feature"])
    first = tied.mutate(place=place)
    return first.filter(first.place == 0, first.session_id.isnull()).select(*_BEGINS)


def _uses(parts: ir.Table) -> ir.IntegerValue:
    return engine.whole(parts.events.sum(where=parts.feature.notnull()))


def _first_marked(rows: ir.Table, earlier: ir.Table, keys: Sequence[str]) -> ir.Table:
    """`rows` and `is_first`: whether no part of the same keys became known before."""
    seen = earlier.select(*keys).distinct().mutate(is_seen=True)
    first = rows.known_day == rows.known_day.min().over(group_by=list(keys))
    marked = rows.mutate(is_first=first).left_join(seen, list(keys))
    return marked.mutate(is_first=marked.is_first & marked.is_seen.isnull())

"""Whether product data is good enough to act on (COL-12, COL-16)."""

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.engine import holding, ratio, whole
from usage_pipeline.events import accounting
from usage_pipeline.events import history as past
from usage_pipeline.lake import Lake

# Time zones and batch sign-ups put some use a little before the sign-up; a fifth of it is no accident.
SIGNUP_LIMIT = 0.20
# Trials that never became accounts are normal; most use belonging to nobody is not.
THIN_JOIN_LIMIT = 0.50
# A sender that retries doubles some; beyond this something sends everything twice.
DUPLICATE_LIMIT = 0.30
# A person who is active on a day has at least one session on it (COL-12).
SESSIONS_LIMIT = 0.90


@dataclass(frozen=True)
class Finding:
    """One check of the product data."""

    check: str
    value: float | None
    """What was found; None: nothing to look at."""
    limit: float
    passed: bool
    blocking: bool
    """The run must not go on."""
    stops_plays: bool
    """No play may act on scores made from this data."""
    words: str


def quality(tally: ir.Table, accounts: ir.Table, batches: ir.Table, lake: Lake) -> list[Finding]:
    """The checks of all counted events (`events/tally`), against `accounts` and `events/batch`."""
    backend = lake.backend
    # Read once: three checks ask for it.
    with holding(backend, "held_tally", tally) as held:
        signup = _number(backend.execute(signup_share(held, accounts)))
        thin = _number(backend.execute(thin_join_share(held, accounts)))
        sessions = _number(backend.execute(sessions_per_active_day(held)))
    doubled = _number(backend.execute(batches["duplicates"].sum() / batches["received"].sum().nullif(0)))
    unbalanced = _number(
        backend.execute(
            (batches["received"] != batches["accepted"] + batches["duplicates"] + batches["rejected"]).sum()
        )
    )
    unlike = accounting.unlike(lake, batches)
    wrong = None if unbalanced is None else unbalanced + unlike
    return [
        Finding(
            "rows_accounted_for", wrong, 0, not wrong, blocking=True, stops_plays=True,
            words=f"{unbalanced or 0:.0f} files whose received rows are not accepted + duplicates + rejected, "
            f"{unlike} of which the lake holds another number of rows than they received",
        ),
        Finding(
            "usage_predates_signup", signup, SIGNUP_LIMIT, _below(signup, SIGNUP_LIMIT), blocking=False, stops_plays=True,
            words=f"{_percent(signup)} of the usage is dated before its account's sign-up (limit {_percent(SIGNUP_LIMIT)})",
        ),
        Finding(
            "usage_without_account", thin, THIN_JOIN_LIMIT, _below(thin, THIN_JOIN_LIMIT), blocking=False, stops_plays=True,
            words=f"{_percent(thin)} of the usage belongs to no known account (limit {_percent(THIN_JOIN_LIMIT)})",
        ),
        Finding(
            "duplicated", doubled, DUPLICATE_LIMIT, _below(doubled, DUPLICATE_LIMIT), blocking=False, stops_plays=False,
            words=f"{_percent(doubled)} of the received rows are copies (limit {_percent(DUPLICATE_LIMIT)})",
        ),
        Finding(
            "sessions_per_active_day", sessions, SESSIONS_LIMIT, sessions is None or sessions >= SESSIONS_LIMIT,
            blocking=False, stops_plays=False,
            words="no event states a session" if sessions is None else
            f"{sessions:.2f} sessions per person and active day (at least {SESSIONS_LIMIT} expected)",
        ),
    ]  # fmt: skip


def of_history(history: pd.DataFrame) -> list[Finding]:
    """The checks with a history, as their last day found them."""
    found = []
    for check in past.CHECKS:
        rows = past.of_last_day(history, check)
        if rows.empty:
            continue
        failed = rows[~rows["passed"]]
        told = failed if len(failed) else rows.head(1)
        row = told.iloc[0]
        limit = row["high"] if pd.notna(row["high"]) else row["low"]
        found.append(
            Finding(
                check, _number(row["value"]), float(limit) if pd.notna(limit) else 0.0, failed.empty, blocking=False,
                stops_plays=check in past.STOPS_PLAYS,
                words=f"{row['day']}: " + "; ".join(told["words"]),
            )
        )  # fmt: skip
    return found


def failure(findings: list[Finding]) -> str | None:
    """Why no play may act on this data, in words; None: they may."""
    return "; ".join(finding.words for finding in findings if finding.stops_plays and not finding.passed) or None


def signup_share(tally: ir.Table, accounts: ir.Table) -> ir.FloatingScalar:
    """Share of the events with a known sign-up that are dated before its day; NULL without any."""
    signups = _signups(accounts)
    seen = tally.inner_join(signups, tally["account_id"] == signups["signed_up"])
    early = whole(seen["events"].sum(where=seen["day"] < seen["signup_day"]))
    return ratio(early, whole(seen["events"].sum()))


def thin_join_share(tally: ir.Table, accounts: ir.Table) -> ir.FloatingScalar:
    """Share of the events that belong to no account of the accounts' table; NULL without events."""
    known = accounts.select(key="account_id").distinct()
    seen = tally.left_join(known, tally["account_id"] == known["key"])
    return ratio(whole(seen["events"].sum(where=seen["key"].isnull())), whole(seen["events"].sum()))


def sessions_per_active_day(tally: ir.Table) -> ir.FloatingScalar:
    """Stated sessions per person and day they were active on; NULL where no session is stated.

    Below 1 the session ids are shared by people or never end, and "daily active" means nothing.
    """
    stated = tally.filter(tally["session_id"].notnull())
    days = stated.select("user_id", "day").nunique()
    return ratio(stated["session_id"].nunique(), days.as_scalar())


def _signups(accounts: ir.Table) -> ir.Table:
    """Per account its sign-up day: the earliest that was ever stated."""
    stated = accounts.filter(accounts["created_at"].notnull())
    return stated.group_by(signed_up="account_id").aggregate(signup_day=stated["created_at"].min().date())


def _number(found: object) -> float | None:
    return None if found is None or found != found else float(str(found))  # noqa: PLR0124 NaN is what pandas has for NULL


def _below(value: float | None, limit: float) -> bool:
    return value is None or value <= limit


def _percent(share: float | None) -> str:
    return "nothing" if share is None else f"{share:.1%}"

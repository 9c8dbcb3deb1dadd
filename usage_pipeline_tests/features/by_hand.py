"""Every feature again, from the raw rows and in the plainest Python: slow, and hard to get wrong."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from random_product import COMPANY, Product, Rows

Row = dict[str, Any]
ROLES = COMPANY.roles


def snapshot(made: Product, as_of: date) -> dict[str, Row]:
    """Account id to its features on the morning."""
    morning = datetime.combine(as_of, time.min)
    known = Product(
        **{
            name: [row for row in getattr(made, name) if row["known_at"] < morning]
            for name in ("event", "account", "user", "subscription", "ticket", "survey")
        }
    )
    record = min((row["ts"].date() for row in known.event), default=None)
    rows = {}
    for account_id in {row["account_id"] for row in [*known.event, *known.account]}:
        row = _account(known, account_id, as_of, record)
        if row is not None:
            rows[account_id] = row
    in_product = {f for row in rows.values() for f in row["_features_90d"]}
    for row in rows.values():
        row["features_share_28d"] = ratio(row["features_28d"], len(in_product)) if row["_features_90d"] else 0
    _peers(rows)
    return rows


def ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def minus_one(value: float | None) -> float | None:
    return None if value is None else value - 1


def _of(rows: Rows, account_id: str) -> Rows:
    return [row for row in rows if row["account_id"] == account_id]


def _newest(rows: Rows, key: str) -> Rows:
    found: dict[str, Row] = {}
    for row in rows:
        best = found.get(row[key])
        rank = (row["valid_from"] or row["known_at"], row["known_at"])
        if best is None or rank > (best["valid_from"] or best["known_at"], best["known_at"]):
            found[row[key]] = row
    return list(found.values())


def _told_last(rows: Rows, key: str) -> Rows:
    return list({row[key]: row for row in sorted(rows, key=lambda row: row["known_at"])}.values())


def _account(known: Product, account_id: str, as_of: date, record: date | None) -> Row | None:
    morning = datetime.combine(as_of, time.min)
    events = _of(known.event, account_id)
    stated = _of(known.account, account_id)
    terms = [row for row in _of(known.subscription, account_id) if row["valid_from"] < morning]
    if not any(row["status"] in ("active", "trial") for row in _newest(terms, "subscription_id")):
        return None
    account = stated[0] if stated else {}
    first = min((row["ts"].date() for row in events), default=None)
    start = account["created_at"].date() if account.get("created_at") else first
    if start is None or start >= as_of:
        return None
    usage = [row for row in events if row["ts"].date() >= start]
    row: Row = {
        "tenure_days": (as_of - start).days,
        "account_name": account.get("name"),
        "owner_email": account.get("owner_email"),
    }
    row["industry"], row["size_band"] = account.get("industry"), _band(account.get("employees"))
    row["events_before_signup"] = len(events) - len(usage)
    row["history_days"] = (as_of - max(first, start)).days if first else None
    row |= _activity(usage, beginnings(events), as_of, row["tenure_days"], account.get("time_zone"))
    row |= _people(events, usage, as_of, start)
    row |= _features(events, usage, as_of, start)
    row |= _milestones(usage, as_of, start, record)
    if not row["_first_week_seen"]:
        row["features_first_7d"] = None
    tickets, answers = _told_last(known.ticket, "ticket_id"), _told_last(known.survey, "response_id")
    row |= _support(_of(tickets, account_id), _of(answers, account_id), morning)
    row |= _contract(terms, morning, as_of)
    row["users_on_record"] = len(_newest(_of(known.user, account_id), "user_id"))
    row["users_active_share_28d"] = ratio(row["users_28d"], row["users_on_record"])
    row["uses_per_user_28d"] = ratio(row["uses_28d"], row["users_28d"])
    row["seat_use_28d"] = ratio(row["users_28d"], row["seats"])
    row["mrr_per_user_28d"] = ratio(row["mrr_minor"], row["users_28d"])
    return row


def _band(employees: int | None) -> str:
    if employees is None:
        return "unknown"
    return "1-19" if employees < 20 else "20-99" if employees < 100 else "100-499" if employees < 500 else "500+"


def within(rows: Rows, as_of: date, last: int, first: int = 1) -> Rows:
    """The rows that happened `first` to `last` days before the morning."""
    return [row for row in rows if first <= (as_of - row["ts"].date()).days <= last]


def uses(rows: Iterable[Row]) -> int:
    return sum(row["feature"] is not None for row in rows)


def days(rows: Iterable[Row]) -> set[date]:
    return {row["ts"].date() for row in rows}


def users(rows: Iterable[Row]) -> set[str]:
    return {row["user_id"] for row in rows if row["user_id"]}


def named(rows: Iterable[Row]) -> set[str]:
    return {row["feature"] for row in rows if row["feature"]}


def change(rows: Rows, as_of: date, lived: int, size: Callable[[Rows], int], length: int = 28) -> float | None:
    if lived < 2 * length:
        return None
    return minus_one(ratio(size(within(rows, as_of, length)), size(within(rows, as_of, 2 * length, length + 1))))


def slope(series: list[float]) -> float | None:
    """Least squares slope per step, over the mean; the series runs forward in time."""
    if not any(series):
        return None
    return statistics.linear_regression(range(len(series)), series).slope / statistics.fmean(series)


def t_value(series: list[float]) -> float | None:
    if not any(series):
        return None
    fit = statistics.linear_regression(range(len(series)), series)
    residual = sum((y - fit.intercept - fit.slope * x) ** 2 for x, y in enumerate(series))
    if residual < 1e-9:
        return 0.0 if abs(fit.slope) < 1e-12 else math.copysign(100, fit.slope)
    spread = sum((x - (len(series) - 1) / 2) ** 2 for x in range(len(series)))
    t = fit.slope / math.sqrt(residual / (len(series) - 2) / spread)
    return max(-100.0, min(100.0, t))


def beginnings(rows: Rows) -> set[str]:
    """The events with which a session begins, as seen from each known day on its own."""
    begun = set()
    for known_day in {row["known_day"] for row in rows}:
        stated, before = set(), {}
        for row in sorted((r for r in rows if r["known_day"] == known_day), key=lambda r: (r["ts"], r["event_id"])):
            person, session = row["user_id"], row["session_id"]
            paused = person not in before or row["ts"] - before[person] > timedelta(minutes=30)
            if session not in stated if session else paused:
                begun.add(row["event_id"])
            stated.add(session)
            before[person] = row["ts"]
    return begun


def _local(row: Row, zone: str | None) -> datetime:
    if zone == "-03:30":
        return row["ts"] - timedelta(hours=3, minutes=30)
    if zone in (None, "Nowhere/At_all"):
        return row["ts"]
    return row["ts"].replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _activity(usage: Rows, begun: set[str], as_of: date, lived: int, zone: str | None) -> Row:
    month = within(usage, as_of, 28)

    def sessions(part: Rows) -> int:
        return sum(event["event_id"] in begun for event in part)

    row: Row = {"days_since_last_use": min(((as_of - day).days for day in days(usage)), default=None)}
    for length in (7, 28, 90):
        part = within(usage, as_of, length)
        row[f"active_days_{length}d"] = len(days(part))
        row[f"uses_{length}d"] = uses(part)
    row["silent_days_28d"] = min(28, lived) - row["active_days_28d"]
    row["sessions_7d"] = sessions(within(usage, as_of, 7))
    row["sessions_28d"] = sessions(month)
    row["sessions_change_28d"] = change(usage, as_of, lived, sessions)
    row["uses_change_28d"] = change(usage, as_of, lived, uses)
    row["uses_28d_before"] = uses(within(usage, as_of, 56, 29))
    row["events_90d"] = len(within(usage, as_of, 90))
    row["minutes_28d"] = sum(event["duration_ms"] or 0 for event in month) / 60_000
    row["minutes_per_session_28d"] = ratio(row["minutes_28d"], row["sessions_28d"])
    row["quantity_28d"] = float(sum(event["quantity"] for event in month))
    row["quantity_change_28d"] = change(usage, as_of, lived, lambda part: sum(event["quantity"] for event in part))
    row["quantity_change_28d"] = None if row["quantity_change_28d"] is None else float(row["quantity_change_28d"])
    for length in (28, 90):
        series = [uses(within(usage, as_of, age, age)) for age in range(length, 0, -1)]
        row[f"uses_slope_{length}d"] = slope(series) if lived >= length else None
    weeks = [uses(within(usage, as_of, 7 * n + 7, 7 * n + 1)) for n in range(1, 13)]
    usual, deviation = statistics.fmean(weeks), statistics.stdev(weeks)
    row["uses_vs_usual"] = ratio(row["uses_7d"], usual) if lived >= 91 else None
    row["uses_deviation_7d"] = ratio(row["uses_7d"] - usual, deviation) if lived >= 91 else None
    local = [(event, _local(event, zone)) for event in month]
    row["weekend_share_28d"] = ratio(sum(at.weekday() > 4 for _, at in local), len(local))
    row["working_share_28d"] = _working(local)
    before = _working([(event, _local(event, zone)) for event in within(usage, as_of, 56, 29)])
    unsaid = lived < 56 or before is None or row["working_share_28d"] is None
    row["working_share_change_28d"] = None if unsaid else row["working_share_28d"] - before
    row["evening_share_28d"] = ratio(sum(at.hour >= 18 for _, at in local), len(local))
    falls = []
    for weekday in range(7):
        of_day = [event for event in usage if event["ts"].weekday() == weekday]
        fall = change(of_day, as_of, lived, len)
        falls += [] if fall is None else [fall]
    row["weekday_fall_28d"] = min(falls, default=None)
    return row


def _working(local: list[tuple[Row, datetime]]) -> float | None:
    return ratio(sum(at.weekday() < 5 and 9 <= at.hour < 18 for _, at in local), len(local))


def _people(events: Rows, usage: Rows, as_of: date, start: date) -> Row:
    lived = (as_of - start).days
    month, before = within(usage, as_of, 28), within(usage, as_of, 56, 29)
    row: Row = {f"users_{n}d": len(users(within(usage, as_of, n))) for n in (7, 28, 90)}
    row["users_28d_before"] = len(users(before))
    row["lost_users_28d"] = len(users(before) - users(month))
    first = {user: min(e["ts"].date() for e in events if e["user_id"] == user) for user in users(events)}
    row["new_users_28d"] = sum(day >= start and (as_of - day).days <= 28 for day in first.values())
    row["users_ever"] = len(first)
    row["dormant_users"] = len(first) - row["users_90d"]
    used = Counter(event["user_id"] for event in month if event["user_id"] and event["feature"])
    row["top_user_share_28d"] = ratio(max(used.values(), default=0), uses(month))
    if not row["users_28d"]:
        row["top_user_share_28d"] = None
    active = Counter(user for user, _ in {(e["user_id"], e["ts"].date()) for e in month if e["user_id"]})
    row["power_users_28d"] = sum(n >= 12 for n in active.values())
    row["dau_mau_28d"] = ratio(sum(active.values()), min(28, lived) * row["users_28d"])
    row["users_change_28d"] = change(usage, as_of, lived, lambda part: len(users(part)))
    row["wau_two_weeks_ago"] = len(users(within(usage, as_of, 21, 15)))
    row["wau_change_2w"] = minus_one(ratio(row["users_7d"], row["wau_two_weeks_ago"])) if lived >= 21 else None
    wau, sticky = [], []
    for week in reversed(range(13)):
        part = within(usage, as_of, 7 * week + 7, 7 * week + 1)
        wau.append(len(users(part)))
        monthly = len(users(within(usage, as_of, 7 * week + 28, 7 * week + 1)))
        daily = len({(e["user_id"], e["ts"].date()) for e in part if e["user_id"]})
        sticky.append(1_000_000 * daily // (7 * monthly) if monthly else 0)
    old = lived >= 91
    row["wau_slope_90d"], row["wau_slope_t_90d"] = (slope(wau), t_value(wau)) if old else (None, None)
    row["dau_mau_slope_90d"], row["dau_mau_slope_t_90d"] = (slope(sticky), t_value(sticky)) if old else (None, None)
    return row


def _features(events: Rows, usage: Rows, as_of: date, start: date) -> Row:
    lived = (as_of - start).days
    month, before = within(usage, as_of, 28), within(usage, as_of, 56, 29)
    row: Row = {f"features_{n}d": len(named(within(usage, as_of, n))) for n in (7, 28, 90)}
    row["_features_90d"] = named(within(usage, as_of, 90))
    row["features_28d_before"] = len(named(before))
    row["features_lost_28d"] = len(named(before) - named(month))
    row["features_change_28d"] = change(usage, as_of, lived, lambda part: len(named(part)))
    first = {f: min(e["ts"].date() for e in events if e["feature"] == f) for f in named(events)}
    ages = [(as_of - day).days for day in first.values() if day >= start]
    row["days_since_new_feature"] = min(ages, default=None)
    row["features_new_28d"] = sum(age <= 28 for age in ages)
    row["features_first_7d"] = sum(age > lived - 7 for age in ages)
    used = Counter(event["feature"] for event in month if event["feature"])
    row["top_feature_share_28d"] = ratio(max(used.values(), default=0), used.total())
    row["premium_features_28d"] = len(named(month) & set(COMPANY.premium_features))
    row["premium_share_28d"] = ratio(sum(used[f] for f in COMPANY.premium_features), used.total())
    pairs = {(e["user_id"], e["feature"]) for e in month if e["user_id"] and e["feature"]}
    row["features_per_user_28d"] = ratio(len(pairs), len(users(month)))
    together: dict[str, set[str]] = {}
    for user, feature in pairs:
        together.setdefault(user, set()).add(feature)
    row["combined_share_28d"] = ratio(sum(len(used) > 1 for used in together.values()), len(together))
    return row


def _milestones(usage: Rows, as_of: date, start: date, record: date | None) -> Row:
    lived = (as_of - start).days

    def called(names: tuple[str, ...], part: Rows) -> int:
        return sum(event["name"] in names for event in part)

    month, quarter = within(usage, as_of, 28), within(usage, as_of, 90)
    row: Row = {
        "logins_28d": called(ROLES.login, month),
        "invites_28d": called(ROLES.invite, month),
        "invites_90d": called(ROLES.invite, quarter),
        "integrations_removed_90d": called(ROLES.integration_removed, quarter),
        "value_events_28d": called(ROLES.value, month),
        "value_change_28d": change(usage, as_of, lived, lambda part: called(ROLES.value, part)),
    }
    row["integrations"] = max(0, called(ROLES.integration_added, usage) - called(ROLES.integration_removed, usage))
    begun = max(start, record) if record else start
    whole = record is not None and start >= record
    activated = min((e["ts"].date() for e in usage if e["name"] in ROLES.activation), default=None)
    valued = min((e["ts"].date() for e in usage if e["name"] in ROLES.value), default=None)
    in_time = activated is not None and (activated - begun).days < 30
    row["is_activated"] = True if in_time else False if lived >= 30 else None
    row["days_to_activation"] = (activated - begun).days if in_time and whole else None
    row["days_to_value"] = (valued - start).days if valued and whole else None
    logins = days(e for e in usage if e["name"] in ROLES.login)
    row["days_since_last_login"] = (as_of - max(logins)).days if logins else None
    row["logins_change_28d"] = change(usage, as_of, lived, lambda part: called(ROLES.login, part))
    row["days_from_login_to_value"] = max(0, (valued - min(logins)).days) if valued and logins and whole else None
    row["value_per_use_28d"] = ratio(row["value_events_28d"], uses(month))
    early = [e for e in usage if (e["ts"].date() - start).days < 7]
    row["invites_first_7d"] = called(ROLES.invite, early) if lived >= 7 and whole else None
    row["_first_week_seen"] = lived >= 7 and whole
    old = lived >= 392 and record is not None and (as_of - record).days >= 392
    then = uses(within(usage, as_of, 392, 365)) if old else 0
    row["uses_vs_last_year"] = minus_one(ratio(uses(month), then))
    for length in (182, 364):
        part = within(usage, as_of, length)
        row[f"uses_{length}d"] = uses(part)
        row[f"active_weeks_{length}d"] = len({((as_of - event["ts"].date()).days - 1) // 7 for event in part})
    row["uses_vs_year"] = ratio(uses(month) * 13, row["uses_364d"]) if lived >= 364 else None
    viewed = [e for e in month if e["name"] in ROLES.content]
    row["content_views_28d"] = len(viewed)
    row["content_use_days_28d"] = len(days(viewed) & days(e for e in month if e["feature"]))
    row |= _workflows(month, within(usage, as_of, 56, 29), lived)
    return row


def _workflows(month: Rows, before: Rows, lived: int) -> Row:
    def share(part: Rows) -> float | None:
        names = Counter(event["name"] for event in part)
        begun = sum(names[begin] for begin, _ in ROLES.workflows)
        return ratio(sum(min(names[begin], names[end]) for begin, end in ROLES.workflows), begun)

    now, then = share(month), share(before)
    called = {event["name"] for event in month}
    return {
        "workflow_completion_28d": now,
        "workflow_completion_change_28d": None if lived < 56 or now is None or then is None else now - then,
        "workflows_28d": sum(end in called for _, end in ROLES.workflows),
    }


def _support(tickets: Rows, answers: Rows, morning: datetime) -> Row:
    def age(at: datetime) -> int:
        return (morning.date() - at.date()).days

    closed = [t for t in tickets if t["closed_at"] and t["closed_at"] < morning]
    rated = [t["satisfaction"] for t in closed if age(t["closed_at"]) <= 90 and t["satisfaction"] is not None]
    opened = [age(t["opened_at"]) for t in tickets]
    nps = sorted(
        (a for a in answers if a["kind"] == "nps" and a["score"] is not None),
        key=lambda a: (age(a["answered_at"]), [-ord(c) for c in a["response_id"]]),
    )
    recent = bool(nps) and age(nps[0]["answered_at"]) <= 365
    return {
        "tickets_28d": sum(a <= 28 for a in opened),
        "tickets_90d": sum(a <= 90 for a in opened),
        "tickets_rise_28d": sum(a <= 28 for a in opened) - sum(28 < a <= 56 for a in opened),
        "tickets_open": len(tickets) - len(closed),
        "tickets_urgent_90d": sum(age(t["opened_at"]) <= 90 and t["priority"] in ("high", "urgent") for t in tickets),
        "satisfaction_90d": statistics.fmean(rated) if rated else None,
        "nps_last": nps[0]["score"] if recent else None,
        "nps_change": nps[0]["score"] - nps[1]["score"] if recent and len(nps) > 1 else None,
    }


def _total(rows: Rows, name: str) -> int | None:
    stated = [row[name] for row in rows if row[name] is not None]
    return sum(stated) if stated else None


def _contract(terms: Rows, morning: datetime, as_of: date) -> Row:
    def live(days_ago: int) -> Rows:
        then = [row for row in terms if row["valid_from"] < morning - timedelta(days=days_ago)]
        return [row for row in _newest(then, "subscription_id") if row["status"] in ("active", "trial")]

    now = live(0)
    active = [row for row in now if row["status"] == "active"]
    ends = [row["renews_on"] for row in now if row["renews_on"]]
    following = [row for row in now if not ends or row["renews_on"] in (None, min(ends))]
    renews = [row["auto_renew"] for row in following if row["auto_renew"] is not None]
    seats, seats_then = _total(now, "seats"), _total(live(90), "seats")
    mrr = _total(active, "mrr_minor")
    mrr_then = _total([row for row in live(180) if row["status"] == "active"], "mrr_minor")
    return {
        "seats": seats,
        "seats_change_90d": None if seats is None or seats_then is None else seats - seats_then,
        "mrr_minor": mrr,
        "mrr_change_180d": minus_one(ratio(mrr, mrr_then)),
        "plan_rank": max(row["plan_rank"] for row in now),
        "term_months": max(row["term_months"] for row in following),
        "days_to_renewal": (min(ends) - as_of).days if ends else None,
        "is_auto_renew": all(renews) if renews else None,
        "is_subscribed": any(row["mrr_minor"] != 0 for row in active),
    }


def _peers(rows: dict[str, Row]) -> None:
    def kin(row: Row) -> str:
        return f"{row['industry'] or 'unknown'}, {row['size_band']}"

    for row in rows.values():
        for name, of in (
            (kin(row), [other for other in rows.values() if kin(other) == kin(row)]),
            (
                f"all of {row['size_band']}",
                [other for other in rows.values() if other["size_band"] == row["size_band"]],
            ),
            ("all accounts", list(rows.values())),
        ):
            if len(of) >= 10 or name == "all accounts":
                row["peer_group"], row["peers"], row["_peers"] = name, len(of), of
                break
    for row in rows.values():
        for name in ("users", "uses"):
            own = row[f"{name}_change_28d"]
            others = [o[f"{name}_change_28d"] for o in row["_peers"] if o[f"{name}_change_28d"] is not None]
            row[f"{name}_change_vs_peers"] = None if own is None else own - statistics.median(others)
        for name in ("uses", "users", "features"):
            column = f"{name}_28d"
            row[f"{name}_percentile_28d"] = sum(o[column] <= row[column] for o in row["_peers"]) / len(row["_peers"])

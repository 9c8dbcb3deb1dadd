"""Which account a person or a browser belongs to, and from when that was known.

An event that states no account is given the one its user id, else its anonymous id, was
first known to belong to. It becomes known to the account on the day of that link, which
may be later than the event's own; no earlier morning changes.
"""

import ibis
import ibis.expr.types as ir

from usage_pipeline.engine import whole
from usage_pipeline.events import catalogue


def links(calls: ir.Table, events: ir.Table, users: ir.Table) -> ir.Table:
    """IDENTITY_LINK: per id, kind and account the earliest moment at which it was known.

    From `calls` (IDENTITY_CALL), from events that name both an id and an account, and from
    the table of users. A browser that is identified as a person follows that person's accounts.
    """
    of_user = _earliest(_accounts_of_users(calls, events, users))
    people = _people_of_browsers(calls, events)
    joined = people.join(of_user, people["user_id"] == of_user["id"])
    # Both halves must be known: whose browser it is, and whose person that is.
    through = joined.select(
        id=people["id"],
        id_kind=people["id_kind"],
        account_id=of_user["account_id"],
        user_id=people["user_id"],
        known_at=ibis.greatest(people["known_at"], of_user["known_at"]).cast("timestamp"),
        because=people["because"],
    )
    return catalogue.IDENTITY_LINK.conform(
        _earliest(of_user.union(through).union(_accounts_of_browsers(calls, events)))
    )


def resolve(events: ir.Table, links: ir.Table) -> ir.Table:
    """`events` with an account: as stated, else from the earliest-known link; the others are left out.

    On one day a link of the user id goes before one of the anonymous id. `known_day` moves to
    the later of the event's own and the link's. A user id is added to
    an event that a link gave its account, or whose link was known by the event's own day.
    """
    columns = events.columns
    by_user = _first(links, "user").rename(of_user="account_id", user_from="known_at", user_key="id").drop("user_id")
    by_browser = _first(links, "anonymous").rename(
        of_browser="account_id", browser_from="known_at", browser_key="id", person="user_id"
    )
    seen = events.left_join(by_user, events["user_id"] == by_user["user_key"])
    seen = seen.left_join(by_browser, seen["anonymous_id"] == by_browser["browser_key"])
    user_day, browser_day = (
        ibis.greatest(seen["known_day"], seen[name].date()) for name in ("user_from", "browser_from")
    )
    stated = seen["account_id"].notnull()
    # Whichever was known first stays, whatever is learned later; the user id first on one day.
    through_user = seen["of_user"].notnull() & (seen["of_browser"].isnull() | (user_day <= browser_day))
    link_day = ibis.cases((stated, seen["known_day"]), (through_user, user_day), else_=browser_day)
    person_known = (~stated & ~through_user) | (browser_day == seen["known_day"])
    resolved = seen.mutate(
        account_id=ibis.coalesce(seen["account_id"], ibis.ifelse(through_user, seen["of_user"], seen["of_browser"])),
        user_id=ibis.coalesce(seen["user_id"], ibis.ifelse(person_known, seen["person"], ibis.null("string"))),
        known_day=link_day,
    )
    return resolved.filter(resolved["account_id"].notnull()).select(*columns)


def _accounts_of_users(calls: ir.Table, events: ir.Table, users: ir.Table) -> ir.Table:
    grouped = calls.filter(calls["user_id"].notnull() & calls["account_id"].notnull())
    return (
        _rows(users.filter(users["account_id"].notnull()), "user_id", "user", "users table")
        .union(_rows(grouped, "user_id", "user", grouped["kind"]))
        .union(_rows(_naming(events, "user_id"), "user_id", "user", "event"))
    )


def _accounts_of_browsers(calls: ir.Table, events: ir.Table) -> ir.Table:
    grouped = calls.filter(calls["anonymous_id"].notnull() & calls["account_id"].notnull())
    return _rows(grouped, "anonymous_id", "anonymous", grouped["kind"]).union(
        _rows(_naming(events, "anonymous_id"), "anonymous_id", "anonymous", "event")
    )


def _naming(events: ir.Table, id_column: str) -> ir.Table:
    """Per id and account (and person) the earliest moment an event named both."""
    both = events.filter(events[id_column].notnull() & events["account_id"].notnull())
    by = ["user_id", "account_id"] if id_column == "user_id" else [id_column, "user_id", "account_id"]
    return both.group_by(by).aggregate(known_at=both["known_at"].min())


def _rows(found: ir.Table, id_column: str, kind: str, because: ir.Value | str) -> ir.Table:
    return found.select(
        id=found[id_column],
        id_kind=ibis.literal(kind),
        account_id=found["account_id"],
        user_id=found["user_id"],
        # One type for all: what was read from Arrow carries a precision of its own.
        known_at=found["known_at"].cast("timestamp"),
        because=ibis.literal(because) if isinstance(because, str) else because,
    )


def _people_of_browsers(calls: ir.Table, events: ir.Table) -> ir.Table:
    """Which person an anonymous id, or an id given up by alias, is known to be (id, id_kind, user_id, known_at)."""
    named = calls.filter(calls["user_id"].notnull())
    identified = named.filter(named["anonymous_id"].notnull())
    renamed = named.filter(named["previous_id"].notnull())
    both = events.filter(events["user_id"].notnull() & events["anonymous_id"].notnull())
    seen = both.group_by(["anonymous_id", "user_id"]).aggregate(known_at=both["known_at"].min())
    return (
        _people(identified, "anonymous_id", "anonymous", identified["kind"])
        .union(_people(renamed, "previous_id", "anonymous", renamed["kind"]))
        .union(_people(renamed, "previous_id", "user", renamed["kind"]))
        .union(_people(seen, "anonymous_id", "anonymous", "event"))
    )


def _people(found: ir.Table, id_column: str, kind: str, because: ir.Value | str) -> ir.Table:
    return found.select(
        id=found[id_column],
        id_kind=ibis.literal(kind),
        user_id=found["user_id"],
        known_at=found["known_at"].cast("timestamp"),
        because=ibis.literal(because) if isinstance(because, str) else because,
    )


def _earliest(rows: ir.Table) -> ir.Table:
    """One row per id, kind and account: the earliest; a tie is broken by person and cause."""
    order = ibis.window(
        group_by=["id", "id_kind", "account_id"],
        order_by=[rows["known_at"], rows["user_id"].isnull(), rows["user_id"], rows["because"]],
    )
    ranked = rows.mutate(place=whole(ibis.row_number().over(order)))
    return ranked.filter(ranked["place"] == 0).drop("place")


def _first(links: ir.Table, kind: str) -> ir.Table:
    """The earliest link of each id of a kind; a tie goes to the smaller account id."""
    of_kind = links.filter(links["id_kind"] == kind)
    order = ibis.window(group_by="id", order_by=[of_kind["known_at"], of_kind["account_id"]])
    ranked = of_kind.mutate(place=whole(ibis.row_number().over(order)))
    return ranked.filter(ranked["place"] == 0).select("id", "account_id", "user_id", "known_at")

"""Which account and person an id belongs to, from when that was known, and what says so.

Each rule of identification gives rows; the rules are put together so that a row says what was
believed from its moment on, and why.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from usage_pipeline.engine import whole
from usage_pipeline.events import catalogue, identity_aliases

LAST_RESORT = "company domain"
# What nobody dates goes before what was said at a time, of all that became known together.
UNSAID = datetime(1970, 1, 1)
TABLE_OF_USERS, NAMED_TOGETHER, MERGE = "users table", "event", "account merge"


def links(
    calls: ir.Table, events: ir.Table, users: ir.Table, domains: ir.Table | None, merges: ir.Table | None
) -> ir.Table:
    """IDENTITY_LINK, one row per id and change; `domains` as `identity_domains` gives them."""
    of_user = _accounts_of_users(calls, events, users)
    if domains is not None:
        of_user = of_user.union(domains)
    aliases = _people_by_alias(calls)
    people = _people_of_browsers(calls, events).union(aliases)
    renamed = identity_aliases.of_people(aliases, people)
    if renamed is not None:
        people = identity_aliases.onward(people, renamed)
    joined = people.join(of_user, people["user_id"] == of_user["id"])
    by_domain = of_user["because"] == LAST_RESORT
    # Both halves must be known: whose browser it is, and whose person that is.
    through = joined.select(
        id=people["id"],
        id_kind=people["id_kind"],
        account_id=of_user["account_id"],
        user_id=people["user_id"],
        known_at=ibis.greatest(people["known_at"], of_user["known_at"]).cast("timestamp"),
        said_at=ibis.greatest(people["said_at"], of_user["said_at"]).cast("timestamp"),
        because=ibis.ifelse(by_domain, ibis.literal(LAST_RESORT), people["because"]),
        evidence=people["evidence"] + "; of this person: " + of_user["evidence"],
    )
    if renamed is not None:
        through = identity_aliases.by_then(through, renamed)
    found = _changes(_unless_better(_earliest(of_user.union(through).union(_accounts_of_browsers(calls, events)))))
    if merges is not None:
        found = found.union(_rows_of_merges(merges))
    return catalogue.IDENTITY_LINK.conform(found)


def _accounts_of_users(calls: ir.Table, events: ir.Table, users: ir.Table) -> ir.Table:
    grouped = calls.filter(calls["user_id"].notnull() & calls["account_id"].notnull())
    stated = users.filter(users["account_id"].notnull())
    return (
        rows(stated, "user_id", "user", TABLE_OF_USERS, "sources/user", said_at=stated["valid_from"])
        .union(rows(grouped, "user_id", "user", grouped["kind"], call_of(grouped), said_at=grouped["ts"]))
        .union(rows(_naming(events, "user_id"), "user_id", "user", NAMED_TOGETHER, "events/naming"))
    )


def _accounts_of_browsers(calls: ir.Table, events: ir.Table) -> ir.Table:
    grouped = calls.filter(calls["anonymous_id"].notnull() & calls["account_id"].notnull())
    told = rows(grouped, "anonymous_id", "anonymous", grouped["kind"], call_of(grouped), said_at=grouped["ts"])
    return told.union(
        rows(_naming(events, "anonymous_id"), "anonymous_id", "anonymous", NAMED_TOGETHER, "events/naming")
    )


def _naming(events: ir.Table, id_column: str) -> ir.Table:
    """Per id and account (and person) the earliest moment an event named both."""
    both = events.filter(events[id_column].notnull() & events["account_id"].notnull())
    by = ["user_id", "account_id"] if id_column == "user_id" else [id_column, "user_id", "account_id"]
    return both.group_by(by).aggregate(known_at=both["known_at"].min())


def rows(
    found: ir.Table,
    id_column: str,
    kind: str,
    because: ir.Value | str,
    evidence: ir.Value | str,
    *,
    said_at: ir.Value | None = None,
) -> ir.Table:
    return found.select(
        id=found[id_column],
        id_kind=ibis.literal(kind),
        account_id=found["account_id"],
        user_id=found["user_id"],
        # One type for all: what was read from Arrow carries a precision of its own.
        known_at=found["known_at"].cast("timestamp"),
        said_at=(ibis.null() if said_at is None else said_at).cast("timestamp"),
        because=ibis.literal(because) if isinstance(because, str) else because,
        evidence=ibis.literal(evidence) if isinstance(evidence, str) else evidence,
    )


def call_of(calls: ir.Table) -> ir.StringValue:
    """Which call says so, and where it landed."""
    line = calls["line"].cast("string").fill_null("?")
    batch = calls["batch"].fill_null("?").substr(0, 12)
    return "call " + calls["event_id"].fill_null("?") + " (line " + line + " of batch " + batch + ")"


def _people_of_browsers(calls: ir.Table, events: ir.Table) -> ir.Table:
    """Which person an anonymous id is known to be (id, id_kind, user_id, known_at)."""
    identified = calls.filter(calls["user_id"].notnull() & calls["anonymous_id"].notnull())
    both = events.filter(events["user_id"].notnull() & events["anonymous_id"].notnull())
    seen = both.group_by(["anonymous_id", "user_id"]).aggregate(known_at=both["known_at"].min())
    return _people(
        identified, "anonymous_id", "anonymous", identified["kind"], call_of(identified), identified["ts"]
    ).union(_people(seen, "anonymous_id", "anonymous", NAMED_TOGETHER, "events/naming"))


def _people_by_alias(calls: ir.Table) -> ir.Table:
    """The same of ids that were given up by alias; they may have been anonymous ones or people's."""
    named = calls.filter(calls["user_id"].notnull() & calls["previous_id"].notnull())
    renamed = named.filter(named["previous_id"] != named["user_id"])
    because, evidence = renamed["kind"], call_of(renamed)
    return _people(renamed, "previous_id", "anonymous", because, evidence, renamed["ts"]).union(
        _people(renamed, "previous_id", "user", because, evidence, renamed["ts"])
    )


def _people(
    found: ir.Table,
    id_column: str,
    kind: str,
    because: ir.Value | str,
    evidence: ir.Value | str,
    said_at: ir.Value | None = None,
) -> ir.Table:
    named = found.mutate(account_id=ibis.null("string"))
    return rows(named, id_column, kind, because, evidence, said_at=said_at).drop("account_id")


def _earliest(found: ir.Table) -> ir.Table:
    """One row per id, kind, account and moment (and when it was said); a tie is broken by person and cause.

    A person whom one of them names is known at that moment, whichever was said first.
    """
    of_moment = ["id", "id_kind", "account_id", "known_at"]
    order = ibis.window(
        group_by=[*of_moment, said(found)],
        order_by=[found["user_id"].isnull(), found["user_id"], found["because"], found["evidence"]],
    )
    ranked = found.mutate(
        user_id=found["user_id"].min().over(ibis.window(group_by=of_moment)),
        place=whole(ibis.row_number().over(order)),
    )
    return ranked.filter(ranked["place"] == 0).drop("place")


def said(found: ir.Table) -> ir.TimestampValue:
    """When something was said, to put in order what became known at one moment."""
    return found["said_at"].fill_null(ibis.literal(UNSAID))


def _unless_better(found: ir.Table) -> ir.Table:
    """Without what only a domain says of an id that something else had told of by then."""
    told = found.filter(found["because"] != LAST_RESORT)
    first = told.group_by("id", "id_kind").aggregate(first_told=told["known_at"].min())
    beside = found.left_join(first, ["id", "id_kind"])
    is_needed = beside["first_told"].isnull() | (beside["known_at"] < beside["first_told"])
    return beside.filter((beside["because"] != LAST_RESORT) | is_needed).select(*found.columns)


def _changes(found: ir.Table) -> ir.Table:
    """The rows that say something else of their id than the one before; who it is stays known."""
    order = ibis.window(
        group_by=["id", "id_kind"],
        order_by=[found["known_at"], said(found), found["account_id"], found["user_id"].isnull()],
    )
    marked = found.mutate(before=found["account_id"].lag().over(order), before_user=found["user_id"].lag().over(order))
    is_new = (
        marked["before"].isnull()
        | (marked["before"] != marked["account_id"])
        | (marked["user_id"].notnull() & (marked["before_user"].fill_null("") != marked["user_id"]))
    )
    return marked.filter(is_new).drop("before", "before_user")


def _rows_of_merges(merges: ir.Table) -> ir.Table:
    return merges.select(
        id=merges["account_id"],
        id_kind=ibis.literal("account"),
        account_id=merges["into_id"],
        user_id=ibis.null("string"),
        known_at=merges["known_at"].cast("timestamp"),
        said_at=ibis.null("timestamp"),
        because=ibis.literal(MERGE),
        evidence=ibis.literal("sources/account_merge"),
    )

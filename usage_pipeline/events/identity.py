"""Which account an event counts to, by the links that were known on its day.

An event that states no account is given the one that its user id, else its anonymous id, was
known to belong to on that day; where nothing was known yet, the first that became known, on the
day of that link. No earlier morning changes.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from usage_pipeline.engine import whole
from usage_pipeline.events import identity_domains, identity_links
from usage_pipeline.events.identity_links import LAST_RESORT

EVER, NEVER = date(1, 1, 1), date(9999, 12, 31)


def links(
    calls: ir.Table,
    events: ir.Table,
    users: ir.Table,
    accounts: ir.Table | None = None,
    merges: ir.Table | None = None,
) -> ir.Table:
    """IDENTITY_LINK: per id and kind the account (and person) it belonged to, from each moment that it changed.

    From `calls` (IDENTITY_CALL), from events that name several ids, from the table of users, as a last resort from
    the domains of `accounts`, and from `merges` (ACCOUNT_MERGE). A browser that is identified as a person follows
    that person's accounts.
    """
    domains = None if accounts is None else identity_domains.accounts_of_users(calls, events, users, accounts)
    return identity_links.links(calls, events, users, domains, merges)


def resolve(events: ir.Table, links: ir.Table) -> ir.Table:
    """`events` with an account: as stated, else from the link in force on its day; the others are left out.

    On one day a link of the user id goes before one of the anonymous id, unless the company's domain is all that
    speaks for it. `known_day` moves to the later of the event's own and the link's. A user id is added to an event
    that a link gave its account, or whose link was known by the event's own day, and follows an `alias`. An account
    that was known by then to be part of another counts as that one.
    """
    columns = events.columns
    seen = _beside(events, _in_force(links, "user"), "user_id", "user")
    seen = _beside(seen, _in_force(links, "anonymous"), "anonymous_id", "browser")
    seen = _beside(seen, _renamed(links), "user_id", "alias")
    user_day, browser_day = (ibis.greatest(seen["known_day"], seen[f"{of}_from"]) for of in ("user", "browser"))
    stated = seen["account_id"].notnull()
    # Whichever was known first stays for that event, whatever is learned later; the user id first on one day.
    is_weak = (seen["user_because"] == LAST_RESORT) & (seen["browser_because"] != LAST_RESORT)
    is_first = (user_day < browser_day) | ((user_day == browser_day) & ~is_weak.fill_null(False))  # noqa: FBT003
    through_user = seen["user_account"].notnull() & (seen["browser_account"].isnull() | is_first)
    link_day = ibis.cases((stated, seen["known_day"]), (through_user, user_day), else_=browser_day)
    person_known = (~stated & ~through_user) | (browser_day == seen["known_day"])
    person = ibis.ifelse(person_known, seen["browser_person"], ibis.null("string"))
    resolved = seen.mutate(
        account_id=ibis.coalesce(
            seen["account_id"], ibis.ifelse(through_user, seen["user_account"], seen["browser_account"])
        ),
        user_id=ibis.coalesce(seen["alias_person"], seen["user_id"], person),
        known_day=link_day,
    )
    resolved = resolved.filter(resolved["account_id"].notnull()).select(*columns)
    merged = _beside(resolved, _merged(links), "account_id", "merge")
    return merged.mutate(account_id=ibis.coalesce(merged["merge_account"], merged["account_id"])).select(*columns)


def _beside(events: ir.Table, periods: ir.Table, id_column: str, of: str) -> ir.Table:
    """Each event with what was in force on its known day, as columns that begin with `of`."""
    named = periods.select(**{f"{of}_{name}": periods[name] for name in periods.columns})
    return events.left_join(
        named,
        [
            events[id_column] == named[f"{of}_key"],
            events["known_day"] >= named[f"{of}_begin"],
            events["known_day"] < named[f"{of}_end"],
        ],
    ).drop(f"{of}_key", f"{of}_begin", f"{of}_end")


def _in_force(links: ir.Table, kind: str) -> ir.Table:
    """From day to day which account and person an id of a kind belonged to; the first reaches back."""
    days = _daily(links.filter(links["id_kind"] == kind))
    return days.select(
        key="id",
        account="account_id",
        person="user_id",
        because="because",
        begin=ibis.ifelse(days["place"] == 0, ibis.literal(EVER), days["begin"]),
        end=days["end"],
        **{"from": days["begin"]},
    )


def _renamed(links: ir.Table) -> ir.Table:
    """User ids that were given up by alias, and for whose, from when that was known."""
    other = links.filter((links["id_kind"] == "user") & (links["user_id"] != links["id"]))
    days = _daily(other)
    return days.select(key="id", person="user_id", begin="begin", end="end")


def _merged(links: ir.Table) -> ir.Table:
    days = _daily(links.filter(links["id_kind"] == "account"), last=True)
    return days.select(key="id", account="account_id", begin="begin", end="end")


def _daily(links: ir.Table, *, last: bool = False) -> ir.Table:
    """Per id from day to day (`begin` to `end`) the link in force.

    On a day with several the first holds, for it and what waited for it may have been counted already; the last
    holds from the next day on. Where `last`, it holds on the day itself.
    """
    dated = links.mutate(day=links["known_at"].date(), said=identity_links.said(links))
    tie = [dated["account_id"], dated["user_id"]]
    first = ibis.window(group_by=["id", "day"], order_by=[dated["known_at"], dated["said"], *tie])
    final = ibis.window(group_by=["id", "day"], order_by=[dated["known_at"].desc(), dated["said"].desc(), *tie])
    ranked = dated.mutate(
        is_first=whole(ibis.row_number().over(first)) == 0, is_last=whole(ibis.row_number().over(final)) == 0
    )
    one = ranked.filter(ranked["is_last"] if last else ranked["is_first"] | ranked["is_last"])
    next_day = (one["day"] + ibis.interval(days=1)).cast("date")
    one = one.mutate(begin=one["day"] if last else ibis.ifelse(one["is_first"], one["day"], next_day))
    of_id = ibis.window(group_by="id", order_by=[one["begin"], one["day"]])
    return one.mutate(
        place=whole(ibis.row_number().over(of_id)),
        end=one["begin"].lead().over(of_id).fill_null(ibis.literal(NEVER)),
    )

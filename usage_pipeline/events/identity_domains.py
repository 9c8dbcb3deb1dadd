"""The last resort: a person belongs to the account whose domain their address has.

Only where one account alone was known to have that domain by then, and never for a mail host
that anybody may use.
"""

import ibis
import ibis.expr.types as ir

from usage_pipeline.accounts import FREE_MAIL
from usage_pipeline.engine import whole
from usage_pipeline.events import identity_links
from usage_pipeline.events.identity_links import LAST_RESORT

# What the traits of a call say, as JSON, read without a JSON parser: Spark's would be a Python function.
_EMAIL_OF_TRAITS = r'"email"\s*:\s*"([^"@\\]+@[^"\\]+)"'


def accounts_of_users(calls: ir.Table, events: ir.Table, users: ir.Table, accounts: ir.Table) -> ir.Table:
    """Links of user ids, from when both the address and the account's domain were known.

    An account that is later known to have the same domain changes nothing that was said before it.
    """
    owner = _owners(accounts)
    person = _addresses(calls, events, users)
    met = person.join(owner, "domain")
    met = met.mutate(known_at=ibis.greatest(met["known_at"], met["owned_at"]))
    alone = met.filter(met["shared_at"].isnull() | (met["known_at"] < met["shared_at"]))
    evidence = "domain " + alone["domain"] + " of sources/account; address: " + alone["evidence"]
    return identity_links.rows(alone, "user_id", "user", LAST_RESORT, evidence)


def _owners(accounts: ir.Table) -> ir.Table:
    """Per domain the first account known to have it, from when, and from when another had it too."""
    stated = accounts.mutate(domain=accounts["domain"].lower().strip())
    stated = stated.filter(stated["domain"].notnull() & stated["domain"].notin(sorted(FREE_MAIL)))
    first = stated.group_by("domain", "account_id").aggregate(owned_at=stated["known_at"].min())
    order = ibis.window(group_by="domain", order_by=[first["owned_at"], first["account_id"]])
    ranked = first.mutate(place=whole(ibis.row_number().over(order)), shared_at=first["owned_at"].lead().over(order))
    return ranked.filter(ranked["place"] == 0).drop("place")


def _addresses(calls: ir.Table, events: ir.Table, users: ir.Table) -> ir.Table:
    """User ids with the domain of their address, the earliest moment it was known, and what says so."""
    identified = calls.filter((calls["kind"] == "identify") & calls["user_id"].notnull())
    told = identified.mutate(email=identified["traits"].re_extract(_EMAIL_OF_TRAITS, 1))
    listed = users.filter(users["email"].notnull())
    found = _of(told, told["email"], identity_links.call_of(told)).union(_of(listed, listed["email"], "sources/user"))
    for named, evidence in ((calls, "the user id itself"), (events, "the user id itself")):
        ids = named.filter(named["user_id"].contains("@"))
        found = found.union(_of(ids, ids["user_id"], evidence))
    found = found.mutate(domain=found["email"].lower().re_extract(r"@([^@\s]+\.[^@\s]+)$", 1))
    found = found.filter(found["domain"].notnull() & (found["domain"] != ""))
    order = ibis.window(group_by=["user_id", "domain"], order_by=[found["known_at"], found["evidence"]])
    ranked = found.mutate(place=whole(ibis.row_number().over(order)))
    return ranked.filter(ranked["place"] == 0).drop("place", "email")


def _of(found: ir.Table, email: ir.Value, evidence: ir.Value | str) -> ir.Table:
    return found.select(
        user_id=found["user_id"],
        email=email.strip(),
        known_at=found["known_at"].cast("timestamp"),
        evidence=ibis.literal(evidence) if isinstance(evidence, str) else evidence,
    )

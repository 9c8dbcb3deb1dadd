"""Accounts that became part of others: from when on what is theirs counts to whom.

A merge counts from the moment it was known. No row that a morning before it saw is changed: what
is so from then on is a row more.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.sources import catalogue

Row = dict[str, Any]

# What changes is kept with validity, by its key; what happens once is counted to whom its account was part of then.
_VERSIONS = {
    catalogue.USER.name: "user_id",
    catalogue.SUBSCRIPTION.name: "subscription_id",
    catalogue.INVOICE.name: "invoice_id",
}
CONCERNED = frozenset(
    {
        catalogue.ACCOUNT.name,
        *_VERSIONS,
        *(one.name for one in (catalogue.TICKET, catalogue.SURVEY, catalogue.MILESTONE)),
    }
)
"""The tables in which a merge of accounts shows."""


@dataclass(frozen=True)
class Stay:
    """An account's place from a moment on."""

    known_at: datetime
    merged_at: datetime
    into_id: str


Stays = Mapping[str, list[Stay]]
"""Per account its stays, in the order in which they became known."""


def followed(stated: pa.Table) -> pa.Table:
    """ACCOUNT_MERGE from merges as they are stated: each also of the accounts that were merged before, and onwards.

    A into B, then B into C: from then on A counts to C too. An account merged into itself stands alone again. A
    merge that would close a circle leads to where it was stated to lead, and no further.
    """
    into: dict[str, str] = {}
    now: dict[str, str] = {}
    rows: list[Row] = []
    order = ("known_at", "merged_at", "account_id", "into_id")
    for merge in sorted(stated.to_pylist(), key=lambda row: tuple(row[name] for name in order)):
        account = merge["account_id"]
        into.pop(account, None)
        if merge["into_id"] != account:
            into[account] = merge["into_id"]
            now.setdefault(account, account)
        for one in sorted(now):
            last = end(one, into)
            if last != now[one]:
                now[one] = last
                rows.append(
                    {"account_id": one, "into_id": last} | {name: merge[name] for name in ("merged_at", "known_at")}
                )
    return pa.Table.from_pylist(rows, schema=catalogue.ACCOUNT_MERGE.schema.to_pyarrow())


def end(one: str, into: Mapping[str, str]) -> str:
    """Where the id leads at last, from one to the next; in a circle, the last before it closes."""
    seen = {one}
    while one in into and into[one] not in seen:
        one = into[one]
        seen.add(one)
    return one


def applied(table: str, rows: pa.Table, merges: pa.Table) -> pa.Table:
    """The rows of one of the `CONCERNED` tables with what ACCOUNT_MERGE says of their accounts."""
    if table == catalogue.ACCOUNT.name:
        return marked(rows, merges)
    if table in _VERSIONS:
        return settled(rows, _VERSIONS[table], merges)
    return counted(rows, merges)


def stays(merges: pa.Table) -> Stays:
    """ACCOUNT_MERGE by account."""
    found: dict[str, list[Stay]] = {}
    rows = sorted(merges.to_pylist(), key=lambda row: (row["known_at"], row["merged_at"]))
    for row in rows:
        found.setdefault(row["account_id"], []).append(Stay(row["known_at"], row["merged_at"], row["into_id"]))
    return found


def marked(accounts: pa.Table, merges: pa.Table) -> pa.Table:
    """ACCOUNT with `merged_into`: a version more of each account from when it was known to be part of another."""
    places = stays(merges)
    schema = catalogue.ACCOUNT.schema.to_pyarrow()
    rest, concerned = _parted(accounts, places)
    by_account: dict[str, list[Row]] = {account: [] for account in places}
    for row in concerned.to_pylist():
        by_account[row["account_id"]].append(row)
    rows: list[Row] = []
    for account, versions in by_account.items():
        for row in versions:
            stay = _at(places[account], row["known_at"])
            rows.append(row | {"merged_into": _other(stay, account)} | ({} if stay is None else _from(row, stay)))
        for stay in places[account]:
            known = [row for row in versions if row["known_at"] <= stay.known_at]
            last = max(known, key=_newness, default={"account_id": account, "valid_from": stay.merged_at})
            rows.append(last | {"merged_into": _other(stay, account), "known_at": stay.known_at} | _from(last, stay))
    merged = pa.Table.from_pylist(rows, schema=schema)
    none = pa.nulls(rest.num_rows, pa.string())
    return pa.concat_tables([rest.append_column("merged_into", none).select(schema.names).cast(schema), merged])


def settled(rows: pa.Table, key: str, merges: pa.Table) -> pa.Table:
    """A table of versions (a user's, a subscription's) with a version more from when its account was merged."""
    places = stays(merges)
    # Every version of a key that was ever of a merged account: which is the newest must not be lost.
    keys = rows.filter(_is_of(rows, places))[key].unique()
    is_concerned = pc.is_in(rows[key], value_set=keys)
    by_key: dict[str, list[Row]] = {}
    for row in rows.filter(is_concerned).to_pylist():
        by_key.setdefault(row[key], []).append(row)
    made = [row for versions in by_key.values() for row in _versions(versions, places)]
    rest = rows.filter(pc.invert(is_concerned))
    return pa.concat_tables([rest, pa.Table.from_pylist(made, schema=rows.schema)])


def counted(facts: pa.Table, merges: pa.Table) -> pa.Table:
    """A table of what happened once, each row with the account that its account was part of when it became known."""
    places = stays(merges)
    rest, concerned = _parted(facts, places)
    rows = []
    for row in concerned.to_pylist():
        stay = _at(places[row["account_id"]], row["known_at"])
        rows.append(row if stay is None else row | {"account_id": stay.into_id})
    return pa.concat_tables([rest, pa.Table.from_pylist(rows, schema=facts.schema)])


def _versions(versions: Iterable[Row], places: Stays) -> list[Row]:
    made: list[Row] = []
    ordered = sorted(versions, key=lambda row: row["known_at"])
    for row in ordered:
        stay = _at(places.get(row["account_id"], []), row["known_at"])
        if stay is None:
            made.append(row)
            continue
        if row["valid_from"] < stay.merged_at:
            made.append(row)
        made.append(row | {"account_id": stay.into_id} | _from(row, stay))
    for account in sorted({row["account_id"] for row in ordered} & set(places)):
        for stay in places[account]:
            last = max((row for row in ordered if row["known_at"] <= stay.known_at), key=_newness, default=None)
            # Who had left the account by then does not come along.
            if last is not None and last["account_id"] == account and last["known_at"] < stay.known_at:
                made.append(last | {"account_id": stay.into_id, "known_at": stay.known_at} | _from(last, stay))
    return made


def _from(row: Row, stay: Stay) -> Row:
    return {"valid_from": max(row["valid_from"], stay.merged_at)}


def _newness(row: Row) -> tuple[datetime, datetime]:
    return row["valid_from"], row["known_at"]


def _at(of_account: list[Stay], known_at: datetime) -> Stay | None:
    place = bisect_right([stay.known_at for stay in of_account], known_at)
    return of_account[place - 1] if place else None


def _other(stay: Stay | None, account: str) -> str | None:
    return None if stay is None or stay.into_id == account else stay.into_id


def _is_of(rows: pa.Table, places: Stays) -> pa.ChunkedArray:
    return pc.is_in(rows["account_id"], value_set=pa.array(sorted(places), pa.string()))


def _parted(rows: pa.Table, places: Stays) -> tuple[pa.Table, pa.Table]:
    """The rows of accounts that were never merged, and the others."""
    concerned = _is_of(rows, places)
    return rows.filter(pc.invert(concerned)), rows.filter(concerned)

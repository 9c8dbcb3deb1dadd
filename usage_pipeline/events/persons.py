"""One person: every id and address under which the lake knows them, and what of a text names them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

import ibis
import ibis.expr.types as ir

from usage_pipeline.events import catalogue
from usage_pipeline.lake import Lake, Table
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sources.tombstones import NOBODY, plain

COLUMNS = frozenset({"user_id", "anonymous_id", "previous_id", "email"})
"""Columns that say whose a row is, in every table."""
OF_TABLE = {catalogue.IDENTITY_LINK.key: frozenset({"id", "user_id"})}
# Found within a text an id must be unlike a number or a short word: user "17" is not the 17 of "17 events".
_SHORTEST = 4
# A name is whole: not the end of another, unless what ends before it is a letter of an escape (%3D, \\n, \\u003c).
_BEFORE = r"(?:(?<![\w@.+-])|(?<=%[\da-f]{2})|(?<=\\[bfnrt])|(?<=\\u[\da-f]{4}))"
_BEHIND = r"(?![\w@-])"


@dataclass(frozen=True)
class Person:
    """All ids of a person: the product's, browsers that only they were ever known on, addresses."""

    ids: frozenset[str]
    addresses: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    """Of the ids those that an account has, too: found within texts, they mean the account."""
    shared_browsers: frozenset[str] = frozenset()
    """Browsers on which others were known too: their rows without a person are nobody's in particular."""

    @property
    def names(self) -> frozenset[str]:
        """Ids and addresses, as they are compared."""
        return self.ids | self.addresses

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """What to look for in any text, addresses first: an id may be a part of one."""
        told = [name for name in self.ids - self.accounts if len(name) >= _SHORTEST and re.search(r"[^\W\d_]", name)]
        names = (*sorted(self.addresses), *sorted(told, key=lambda name: (-len(name), name)))
        return tuple(dict.fromkeys(form for name in names for form in _forms(name)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        told = "|".join(map(re.escape, self.needles))
        return re.compile(rf"{_BEFORE}(?:{told}){_BEHIND}" if told else r"(?!)", re.IGNORECASE)

    def is_named_in(self, text: str) -> bool:
        return bool(self._pattern.search(text))

    def scrubbed(self, text: str) -> str:
        """The text with `NOBODY` in place of the person."""
        return self._pattern.sub(NOBODY, text)

    def __contains__(self, value: object) -> bool:
        """Whether a whole value is an id or address of theirs."""
        return isinstance(value, str | int) and not isinstance(value, bool) and plain(str(value)) in self.names


def _forms(name: str) -> tuple[str, ...]:
    """A name as it stands in a text, in a URL, in a URL within a URL, and in JSON."""
    quoted = quote(name, safe="")
    return name, quoted, quote(quoted, safe=""), json.dumps(name)[1:-1]


def person_columns(table: Table) -> list[str]:
    """The columns of the table that say whose a row is."""
    named = OF_TABLE.get(table.key, COLUMNS)
    return [column.name for column in table.columns if column.name in named]


def is_one_of(column: ir.StringValue, names: Iterable[str]) -> ir.BooleanValue:
    """Whether a column holds one of these ids or addresses, which are compared as `plain` ones."""
    names = sorted(names)
    addresses = [name for name in names if "@" in name]
    told = column.isin([name for name in names if "@" not in name])
    return told | column.lower().isin(addresses) if addresses else told


def find(lake: Lake, names: Iterable[str]) -> Person:
    """Everything by which the lake knows the person of a user id or an address.

    Users and addresses through the table of users and `identify` calls, former ids through
    `alias`, browsers through what calls and events name together.
    """
    asked = frozenset(plain(name) for name in names)
    users, addresses = {name for name in asked if "@" not in name}, {name for name in asked if "@" in name}
    # A user id may itself be an address.
    users |= addresses
    known = _rows(lake.read(sources.USER).select("user_id", "email").distinct(), lake)
    calls = lake.read(catalogue.IDENTITY_CALL)
    told = _rows(calls.filter(calls.user_id.notnull() & calls.traits.contains("@")).select("user_id", "traits"), lake)
    known += [{"user_id": row["user_id"], "email": found} for row in told for found in _stated(row["traits"])]
    renamed = _rows(calls.filter(calls.previous_id.notnull()).select("user_id", "previous_id").distinct(), lake)
    while True:
        before = len(users) + len(addresses)
        for row in known:
            if plain(row["user_id"]) in users or plain(row["email"] or "") in addresses:
                users.add(plain(row["user_id"]))
                addresses |= {plain(row["email"])} if row["email"] else set()
        users |= {plain(row["previous_id"]) for row in renamed if plain(row["user_id"] or "") in users}
        if len(users) + len(addresses) == before:
            break
    own, shared = _browsers(lake, users)
    ids = users | {plain(name) for name in own}
    account = lake.read(sources.ACCOUNT)
    same = _rows(account.filter(account.account_id.isin(sorted(ids))).select("account_id").distinct(), lake)
    return Person(
        frozenset(ids),
        frozenset(name for name in addresses | ids if "@" in name),
        frozenset(row["account_id"] for row in same),
        frozenset(shared),
    )


def _stated(traits: str) -> list[str]:
    return re.findall(r'"email"\s*:\s*"([^"]+)"', traits)


def _browsers(lake: Lake, users: set[str]) -> tuple[set[str], set[str]]:
    """Browsers on which the users were known: theirs alone, and shared with others."""
    pairs = [_pairs(lake.read(table), users) for table in (catalogue.IDENTITY_CALL, catalogue.NAMING, catalogue.EVENT)]
    found = _rows(ibis.union(*pairs, distinct=True), lake)
    theirs = {row["anonymous_id"] for row in found if row["is_theirs"]}
    others = {row["anonymous_id"] for row in found if not row["is_theirs"]}
    return theirs - others, theirs & others


def _pairs(rows: ir.Table, users: set[str]) -> ir.Table:
    """Browsers of the users, and whose else they are."""
    both = rows.filter(rows.anonymous_id.notnull() & rows.user_id.notnull())
    theirs = both.filter(is_one_of(both.user_id, users)).select("anonymous_id").distinct()
    near = both.semi_join(theirs, "anonymous_id")
    return near.select("anonymous_id", is_theirs=is_one_of(near.user_id, users)).distinct()


def _rows(found: ir.Table, lake: Lake) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = lake.backend.to_pyarrow(found).to_pylist()
    return rows

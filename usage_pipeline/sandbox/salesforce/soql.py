"""SOQL, as much of it as an integration asks: text to a tree.

    SELECT fields | COUNT() FROM object [WHERE ...] [ORDER BY ...] [LIMIT n] [OFFSET n]

with =, !=, <, <=, >, >=, LIKE, IN, NOT IN, AND, OR, NOT, parentheses and null.
"""

import re
from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.salesforce import refusals


@dataclass(frozen=True)
class Literal:
    """A constant and how it was written: text, number, boolean, null, date, datetime or a name such as TODAY."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Comparison:
    """field operator value; `value` is a tuple of literals for IN."""

    path: str
    operator: str
    value: Literal | tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    of: "Condition"


@dataclass(frozen=True)
class Both:
    """AND or OR of several conditions."""

    word: str
    parts: tuple["Condition", ...]


Condition = Comparison | Not | Both


@dataclass(frozen=True)
class Order:
    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A SELECT; `paths` is empty for COUNT()."""

    paths: tuple[str, ...]
    object: str
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?::\d+)?)
    | (?P<sign>!=|<>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _tokens(query: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    query = query.rstrip()
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            raise refusals.malformed_query(f"unexpected token: '{query[at:].split()[0]}'")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    return tokens


def parse(query: str) -> Query:
    """The tree of a query.

    Raises:
        Refusal: 400 MALFORMED_QUERY.
    """
    return _Parser(_tokens(query)).query()


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "<EOF>")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _is(self, *words: str) -> bool:
        """Whether these words come next; they are taken if so."""
        following = self._tokens[self._at : self._at + len(words)]
        same = len(following) == len(words) and all(
            kind in ("name", "sign") and text.upper() == word
            for (kind, text), word in zip(following, words, strict=True)
        )
        if same:
            self._at += len(words)
        return same

    def _need(self, word: str) -> None:
        if not self._is(word):
            raise self._unexpected()

    def _unexpected(self) -> Exception:
        return refusals.malformed_query(f"unexpected token: '{self._peek()[1]}'")

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            self._at -= 1
            raise self._unexpected()
        return text

    def query(self) -> Query:
        self._need("SELECT")
        paths = self._paths()
        self._need("FROM")
        kind = self._name()
        where = self._either() if self._is("WHERE") else None
        order = self._order() if self._is("ORDER", "BY") else ()
        limit = self._whole() if self._is("LIMIT") else None
        offset = self._whole() if self._is("OFFSET") else 0
        if self._at < len(self._tokens):
            raise self._unexpected()
        return Query(paths, kind, where, order, limit, offset)

    def _paths(self) -> tuple[str, ...]:
        if self._is("COUNT", "(", ")"):
            return ()
        paths = [self._path()]
        while self._is(","):
            paths.append(self._path())
        return tuple(paths)

    def _path(self) -> str:
        name = self._name()
        if name.upper() == "FIELDS" and self._is("("):
            which = self._name().upper()
            self._need(")")
            return f"FIELDS({which})"
        return name

    def _either(self) -> Condition:
        parts = [self._all()]
        while self._is("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Both("OR", tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._is("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Both("AND", tuple(parts))

    def _one(self) -> Condition:
        if self._is("NOT"):
            return Not(self._one())
        if self._is("("):
            inner = self._either()
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._name()
        if self._is("LIKE"):
            return Comparison(path, "LIKE", self._literal())
        if self._is("NOT", "IN"):
            return Comparison(path, "NOT IN", self._list())
        if self._is("IN"):
            return Comparison(path, "IN", self._list())
        kind, sign = self._take()
        if kind != "sign" or sign in "(),":
            self._at -= 1
            raise self._unexpected()
        return Comparison(path, "!=" if sign == "<>" else sign, self._literal())

    def _list(self) -> tuple[Literal, ...]:
        self._need("(")
        literals = [self._literal()]
        while self._is(","):
            literals.append(self._literal())
        self._need(")")
        return tuple(literals)

    def _literal(self) -> Literal:
        kind, text = self._take()
        if kind == "text":
            return Literal("text", re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1]))
        if kind == "number":
            return Literal("number", float(text))
        if kind in ("date", "datetime"):
            return Literal(kind, text)
        if kind == "name":
            word = text.lower()
            if word in ("true", "false"):
                return Literal("boolean", word == "true")
            if word == "null":
                return Literal("null", None)
            return Literal("word", text.upper())
        self._at -= 1
        raise self._unexpected()

    def _order(self) -> tuple[Order, ...]:
        orders = []
        while True:
            path = self._name()
            descending = self._is("DESC")
            if not descending:
                self._is("ASC")
            nulls_last = self._is("NULLS", "LAST")
            if not nulls_last:
                self._is("NULLS", "FIRST")
            orders.append(Order(path, descending, nulls_last))
            if not self._is(","):
                return tuple(orders)

    def _whole(self) -> int:
        kind, text = self._take()
        if kind != "number" or not text.isdecimal():
            self._at -= 1
            raise self._unexpected()
        return int(text)

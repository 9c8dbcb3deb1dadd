"""One request to a CRM in words of our own: what was asked, what is answered, which path leads where."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, QueryParams


@dataclass(frozen=True)
class Call:
    """What a client asked."""

    method: str
    path: str
    segments: tuple[str, ...]
    """The path between slashes, decoded one by one: a key may hold an encoded slash."""
    query: QueryParams
    headers: Headers
    body: bytes
    base_url: str

    def form(self) -> dict[str, str]:
        """The fields of a form in the body, the first value of each."""
        return {name: given[0] for name, given in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass(frozen=True)
class Reply:
    """What the CRM answers; a body of None is an empty one, bytes go out as they are.

    Bytes need their own Content-Type among the headers: the CSV of a Bulk job, for one.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that undoes the request."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


Handler = Callable[..., Reply]


class Routes:
    """Handlers by method and path; literal parts match in any case, `{name}` takes one part."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[tuple[str, tuple[str, ...], Handler]]] = {}

    def on(self, methods: str, pattern: str, handler: Handler) -> None:
        parts = tuple(pattern.strip("/").split("/")) if pattern.strip("/") else ()
        for method in methods.split("|"):
            self._by_length.setdefault(len(parts), []).append((method, parts, handler))

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Handler | None, dict[str, str], bool]:
        """The handler, its named parts, and whether the path exists for another method."""
        elsewhere = False
        for known, parts, handler in self._by_length.get(len(segments), ()):
            named = _match(parts, segments)
            if named is None:
                continue
            if known == method:
                return handler, named, True
            elsewhere = True
        return None, {}, elsewhere


def _match(parts: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    named = {}
    for part, segment in zip(parts, segments, strict=True):
        if part[0] == "{":
            named[part[1:-1]] = segment
        elif part != segment.lower():
            return None
    return named


def listed(query: QueryParams, name: str) -> list[str]:
    """A list parameter, given as `a,b` or as `name=a&name=b`."""
    return [part for value in query.getlist(name) for part in re.split(r"\s*,\s*", value.strip()) if part]

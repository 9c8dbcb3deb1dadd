"""A person taken out of the landed files: their lines, and what names them in lines of others.

A line of events becomes an empty one, so that every other keeps its number. A file is written
aside and put in place, and stays the batch that it was: what it is known by is the hash of what
landed, which is remembered for the new content, too (`landed/landing.json`).
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company
from usage_pipeline.events import forgotten, ingest, parts
from usage_pipeline.events.batches import Batch
from usage_pipeline.events.persons import COLUMNS, Person
from usage_pipeline.run import erasing_lines
from usage_pipeline.run.erasing_lines import Whose
from usage_pipeline.sources.landing import Delivery, File


@dataclass(frozen=True)
class Found:
    """What a landed file holds of the person."""

    file: File
    lines: int
    mentions: int


def search(
    deliveries: list[Delivery],
    company: Company,
    person: Person,
    landed: Mapping[str, Collection[int]],
    progress: Callable[[str], None],
) -> Iterator[tuple[Found, Callable[[], bytes]]]:
    """Each landed file that names the person, with what gives the content to be put in its place.

    `landed` has by batch the lines that are known to be theirs; of others they are looked for.
    """
    by_path: dict[Path, list[Batch]] = {}
    for batch in ingest.batches(deliveries, company):
        if batch.events.format != "select":
            for file in batch.files.values():
                by_path.setdefault(file.path, []).append(batch)
    columns = _columns(company)
    for delivery in deliveries:
        for file in delivery.files:
            progress(file.name)
            batches = by_path.get(file.path, [])
            whose = Whose(person, frozenset(), frozenset() if batches else columns.get(file.table, COLUMNS))
            if not erasing_lines.is_hit(file, whose):
                continue
            if batches:
                whose = Whose(person, frozenset(_lines(batches, company, person, landed)), frozenset())
            lines, mentions, content = erasing_lines.rewritten(file, whose, batches[0].events if batches else None)
            if lines or mentions:
                yield Found(file, lines, mentions), content


def put_in_place(found: Found, content: bytes, state: Path) -> None:
    """Write the file again, and remember that its content is still the batch that it was."""
    path = found.file.path
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(content)
    about = aside.stat()
    index = state / "landing.json"
    known: dict[str, list[Any]] = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    first = known.get(str(path.resolve()), [0, 0, "", found.file.landed_at.isoformat()])[3]
    known[str(path.resolve())] = [about.st_size, about.st_mtime_ns, found.file.digest, first]
    state.mkdir(parents=True, exist_ok=True)
    # The index first: a kill in between leaves a file that is hashed again, to what it was.
    fresh = index.with_suffix(".new")
    fresh.write_text(json.dumps(known), encoding="utf-8")
    fresh.replace(index)
    aside.replace(path)


def _lines(batches: list[Batch], company: Company, person: Person, landed: Mapping[str, Collection[int]]) -> set[int]:
    """The numbers of the lines that are the person's, as the events' own reader finds them."""
    found: set[int] = set()
    names = pa.array(sorted(person.names), pa.string())
    for batch in batches:
        if batch.digest in landed:
            found.update(landed[batch.digest])
            continue
        for part in parts.judged(batch, company):
            theirs = pa.chunked_array([pa.repeat(pa.scalar(value=False), part.valid.num_rows)])
            for name in forgotten.IDS:
                column = pc.cast(part.valid[name], pa.string())
                theirs = pc.or_(theirs, pc.is_in(column, value_set=names))
                theirs = pc.or_(theirs, pc.is_in(pc.utf8_lower(column), value_set=names))
            found.update(part.valid.filter(theirs)["line"].to_pylist())
            for line, raw in zip(part.rejected["line"].to_pylist(), part.rejected["raw"].to_pylist(), strict=True):
                if raw and person.is_named_in(raw):
                    found.add(line)
    return found


def _columns(company: Company) -> dict[str, frozenset[str]]:
    """By the table that a file is, its columns (lower case) that say whose a row is, as the mapping's SQL names them."""
    found: dict[str, frozenset[str]] = {}
    for select in (*company.tables.values(), *(events.select for events in company.events if events.select)):
        with duckdb.connect() as connection:
            told = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
        tables: set[str] = set()
        columns: set[str] = set(COLUMNS)
        _walk(json.loads(told[0]) if told else {}, tables, columns)
        for table in tables:
            found[table] = found.get(table, frozenset()) | {name.lower() for name in columns}
    return found


def _walk(node: Any, tables: set[str], columns: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            tables.add(node["table_name"])
        if node.get("alias") in COLUMNS:
            _named_in(node, columns)
        for value in node.values():
            _walk(value, tables, columns)
    elif isinstance(node, list):
        for value in node:
            _walk(value, tables, columns)


def _named_in(node: Any, columns: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            columns.add(node["column_names"][-1])
        for value in node.values():
            _named_in(value, columns)
    elif isinstance(node, list):
        for value in node:
            _named_in(value, columns)

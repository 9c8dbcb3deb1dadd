"""Rows of a table's file without a person: theirs gone, others' as they were written but for their name.

A row of an export that is an account's and about the person (a ticket they opened) stays, with what the pipeline
reads of it: what else is in it, a subject or a comment, may be theirs.
"""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_pipeline.errors import Rejected
from usage_pipeline.run.erasing_whose import Whose

# What fits a C long everywhere; otherwise a value of more than 131,072 characters is an error.
_LONGEST = 2**31 - 1


def of_csv(text: str, whose: Whose) -> tuple[int, int, bytes]:
    """How many rows are the person's and how many name them, and the file without them."""
    csv.field_size_limit(_LONGEST)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    taken: list[str] = []

    def physical() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    names: list[str] = []
    kept: list[str] = []
    theirs = mentions = 0
    for cells in csv.reader(physical(), delimiter=delimiter):
        # A quoted value may hold line ends: what was read for this row is the row as it was written.
        written = "".join(taken)
        taken.clear()
        if not names:
            names = cells
        elif whose.is_row(row := dict(zip(names, cells, strict=False))):
            theirs += 1
            continue
        else:
            facts = written if not whose.is_about(row) else _facts_of_cells(names, cells, whose, delimiter, written)
            new = whose.person.scrubbed(facts)
            mentions, written = mentions + (new != written), new
        kept.append(written)
    return theirs, mentions, "".join(kept).encode("utf-8", "surrogateescape")


def _facts_of_cells(names: list[str], cells: list[str], whose: Whose, delimiter: str, written: str) -> str:
    # A cell that has no name is nobody's fact.
    facts = [cell if name and whose.is_fact(name) else "" for name, cell in zip(names, cells, strict=False)]
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter, lineterminator=written[len(written.rstrip("\r\n")) :]).writerow(facts)
    return target.getvalue()


def of_json(text: str, whose: Whose) -> tuple[int, int, bytes]:
    """As `of_csv`, of objects one per line or in one list; from where a list is no JSON, it is a text."""
    if text.lstrip().startswith("["):
        return _list(text, whose)
    theirs = mentions = 0
    lines = []
    for line in text.split("\n"):
        new = _without(_object(line), line, whose)
        if new is None:
            theirs += 1
            continue
        mentions += new != line
        lines.append(new)
    return theirs, mentions, "\n".join(lines).encode("utf-8", "surrogateescape")


def _list(text: str, whose: Whose) -> tuple[int, int, bytes]:
    decoder = json.JSONDecoder()
    theirs = mentions = 0
    kept: list[str] = []
    done = at = text.index("[") + 1
    while True:
        at = _next(text, at)
        try:
            row, end = decoder.raw_decode(text, at)
        except ValueError:
            break
        new = _without(row, text[at:end], whose)
        if new is None:
            theirs += 1
        else:
            mentions += new != text[at:end]
            kept.append(new)
        done = _next(text, end)
        if text[done : done + 1] != ",":
            break
        at = done + 1
    rest = whose.person.scrubbed(text[done:])
    mentions += rest != text[done:]
    return theirs, mentions, f"[{','.join(kept)}{rest}".encode("utf-8", "surrogateescape")


def _next(text: str, at: int) -> int:
    """Where the next thing is that is no space."""
    while text[at : at + 1].isspace():
        at += 1
    return at


def _without(row: Any, written: str, whose: Whose) -> str | None:
    """What is left of a row as it was written; None of one that is the person's."""
    if isinstance(row, dict) and whose.is_row(row):
        return None
    if isinstance(row, dict) and whose.is_about(row):
        written = json.dumps(_facts(row, whose))
    return whose.person.scrubbed(written)


def _facts(value: Any, whose: Whose) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _facts(inner, whose) for name, inner in value.items() if whose.is_fact(name)}


def _object(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def parquet(path: Path, whose: Whose) -> tuple[int, int, Callable[[], bytes]]:
    """As `of_csv`, of a Parquet file; rows of events are told by their number."""
    whole = table(path)
    rows = whole.to_pylist()
    keep = [number not in whose.lines and not whose.is_row(row) for number, row in enumerate(rows, 1)]
    kept = whole.filter(pa.array(keep, pa.bool_()))
    about = [whose.is_about(row) for row, stays in zip(rows, keep, strict=True) if stays]
    mentions = sum(about)
    for place, column in enumerate(kept.schema):
        if mentions and not whose.is_fact(column.name):
            emptied = pc.if_else(pa.array(about, pa.bool_()), pa.scalar(None, column.type), kept[column.name])
            kept = kept.set_column(place, column.with_nullable(True), emptied)  # noqa: FBT003 - it has no name there
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts: Collection[str | None] = kept[column.name].to_pylist()
            new = [text if text is None else whose.person.scrubbed(text) for text in texts]
            mentions += sum(a != b for a, b in zip(texts, new, strict=True))
            kept = kept.set_column(place, kept.schema.field(place), pa.array(new, column.type))
    target = io.BytesIO()
    pq.write_table(kept, target)
    return whole.num_rows - kept.num_rows, mentions, target.getvalue


def table(path: Path) -> pa.Table:
    """A Parquet file; `Rejected` where it is none."""
    try:
        return pq.read_table(path, partitioning=None)
    except pa.ArrowInvalid as broken:
        raise Rejected(
            f"{path} cannot be read: {broken}", fix="mend it or take it out of the landing folder, then forget again"
        ) from broken

"""A person taken out of the landed files: their lines, and what names them in lines of others.

A line of events becomes an empty one, so that every other keeps its number. A file is written
aside and put in place, and stays the batch that it was: what it is known by is the hash of what
landed, which is remembered for the new content, too (`landed/landing.json`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.company import Company
from usage_pipeline.events import forgotten, ingest, parts
from usage_pipeline.events.batches import Batch
from usage_pipeline.events.persons import Person
from usage_pipeline.home import replaced
from usage_pipeline.run import erasing_columns, erasing_lines
from usage_pipeline.run.erasing_whose import Whose
from usage_pipeline.sources import landing
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
    columns = erasing_columns.of(company)
    for delivery in deliveries:
        for file in delivery.files:
            progress(file.name)
            batches = by_path.get(file.path, [])
            said = columns.get(file.table, erasing_columns.unread())
            whose = Whose(person, frozenset(), said.theirs, said.about, said.read)
            whose = Whose(person, frozenset(), frozenset()) if batches else whose
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
    place = str(path.resolve())
    with replaced(path) as aside:
        aside.write_bytes(content)
        about = aside.stat()
        # The index first: a kill in between leaves a file that is hashed again, to what it was.
        with landing.remembering(state) as known:
            first = known.get(place, [0, 0, "", found.file.landed_at.isoformat()])[3]
            known[place] = [about.st_size, about.st_mtime_ns, found.file.digest, first]


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

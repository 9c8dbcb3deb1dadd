"""Deliveries of the simulated company: folders of files, as they land at the pipeline's door.

    landing/0000-history/          everything up to a day, an import of the past
    landing/0001-2026-05-03/       one week, named after its last day
    ...

Each holds `manifest.json`, `events-NNN.jsonl.gz` and one CSV per table with the rows that
changed. A delivery is written aside and put in place by one rename, so that a kill leaves
all of it or nothing. With `keep` (a folder that is not in the landing folder) the company's
state is saved just before, under the delivery's name: `resume` finds the state that fits.
"""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from io import TextIOWrapper
from pathlib import Path

import numpy as np

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.simulated import mess, tables
from usage_pipeline.sources.simulated.activity import DAY_MS, EPOCH
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.mess import Lines

LANDS_AT = time(23, 59, 59)
"""Time (UTC) on its last day at which a delivery lands: just before the morning that is to see it."""
HISTORY = "0000-history"


@dataclass
class Delivered:
    """What a delivery holds: its folder, and how many event lines of each kind."""

    folder: Path
    kinds: Counter[int] = field(default_factory=Counter)
    """Lines by `mess.Kind`."""

    @property
    def lines(self) -> int:
        return self.kinds.total()

    @property
    def broken(self) -> int:
        """Lines that a reader must refuse."""
        return sum(self.kinds[kind] for kind in mess.BROKEN_KINDS)


def write_history(
    company: Company,
    landing: Path,
    until: date,
    progress: Callable[[date], None] | None = None,
    *,
    keep: Path | None = None,
) -> Delivered:
    """Everything from the company's next day to `until`, as an import of the past with a file of events per month.

    `progress` is told each day when it is done. Events that arrive later stay in transit, for the weeks to come.
    """
    with _writing(company, landing, HISTORY, until, history=True, keep=keep) as (aside, delivered):
        months: dict[tuple[int, int], list[date]] = {}
        for day in _days(company.next_day, until):
            months.setdefault((day.year, day.month), []).append(day)
        for file, days in enumerate(months.values()):
            _write(company, aside, days, delivered, file=file, treatments={}, progress=progress)
    return delivered


def write_week(
    company: Company,
    landing: Path,
    first_day: date,
    last_day: date,
    treatments: Mapping[str, str] | None = None,
    *,
    keep: Path | None = None,
) -> Delivered:
    """The days from `first_day` to `last_day` as one live delivery, landed on the morning after.

    `treatments` names, per account id, the play carried out for it, with effect from `first_day`.
    """
    if first_day != company.next_day:
        raise Rejected(f"{first_day} is not the company's next day", fix=f"deliver from {company.next_day} on")
    name = f"{company.deliveries:04d}-{last_day.isoformat()}"
    with _writing(company, landing, name, last_day, history=False, keep=keep) as (aside, delivered):
        _write(company, aside, _days(first_day, last_day), delivered, file=0, treatments=treatments or {})
    return delivered


def resume(landing: Path, keep: Path) -> Company | None:
    """The company as it was after the newest delivery in the landing folder; None before the first."""
    for folder in sorted(landing.glob("[0-9]*-*"), reverse=True) if landing.is_dir() else []:
        state = keep / f"{folder.name}.npz"
        if state.exists():
            return Company.load(state)
        raise Rejected(
            f"{folder} was delivered by a company whose state {state} is gone",
            fix=f"remove the landing folder {landing} and simulate anew",
        )
    return None


class _writing:  # noqa: N801 - a context manager, read as a verb
    """A delivery being written aside; put in place when all went well, removed when not."""

    def __init__(
        self, company: Company, landing: Path, name: str, last_day: date, *, history: bool, keep: Path | None
    ) -> None:
        self.company, self.keep = company, keep
        self.place, self.aside = landing / name, landing / f".{name}.partial"
        landed_at = datetime.combine(last_day, LANDS_AT)
        self.manifest = {"landed_at": landed_at.isoformat(), "history": history}

    def __enter__(self) -> tuple[Path, Delivered]:
        if self.place.exists():
            raise Rejected(f"{self.place} has already been delivered", fix="resume the company from its saved state")
        shutil.rmtree(self.aside, ignore_errors=True)
        self.aside.mkdir(parents=True)
        for table, header in tables.HEADERS.items():
            (self.aside / f"{table}.csv").write_text(header + "\n", encoding="utf-8")
        return self.aside, Delivered(self.place)

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is not None:
            shutil.rmtree(self.aside, ignore_errors=True)
            return
        (self.aside / "manifest.json").write_text(json.dumps(self.manifest) + "\n", encoding="utf-8")
        self.company.deliveries += 1
        if self.keep is not None:
            self.company.save(self.keep / f"{self.place.name}.npz")
        self.aside.replace(self.place)
        if self.keep is not None:
            # A state is of use only while its delivery is the newest.
            for old in self.keep.glob("[0-9]*-*.npz"):
                if old.stem < self.place.name:
                    old.unlink()


def _write(
    company: Company,
    folder: Path,
    days: list[date],
    delivered: Delivered,
    *,
    file: int,
    treatments: Mapping[str, str],
    progress: Callable[[date], None] | None = None,
) -> None:
    """The days' events as one file, and the rows they add to the tables."""
    with ExitStack() as stack:
        raw = stack.enter_context((folder / f"events-{file:03d}.jsonl.gz").open("wb"))
        # Level 1: a third larger than level 6 and four times as fast. No name, no time: same content, same bytes.
        packed = stack.enter_context(gzip.GzipFile("", "wb", 1, raw, mtime=0))
        csv: dict[str, TextIOWrapper] = {
            table: stack.enter_context((folder / f"{table}.csv").open("a", encoding="utf-8"))
            for table in tables.HEADERS
        }
        for day in days:
            packed.write(mess.encoded(_arriving(company, day, treatments, csv, delivered)))
            treatments = {}
            if progress is not None:
                progress(day)


def _arriving(
    company: Company, day: date, treatments: Mapping[str, str], csv: Mapping[str, TextIOWrapper], delivered: Delivered
) -> list[str]:
    """Advance the company by a day: its rows are written, the event lines that arrive on that day are given."""
    made = company.advance(day, treatments)
    number = (day - EPOCH).days
    for table, rows in tables.rows(company, made, number).items():
        csv[table].writelines(row + "\n" for row in rows)
    lines = (
        mess.of_joining(company.users[made.joined], company.accounts, number)
        + mess.of_uses(company.seed, number, company.accounts, made.uses)
        + mess.of_strangers(company.seed, number, len(made.uses))
    )
    arrived = company.in_transit.pop(number, [])
    today, later = _sorted_out(lines, number)
    for arrival, entry in later:
        company.in_transit.setdefault(arrival, []).append(entry)
    # Arrivals are sorted by where they stand; the text breaks ties, so that nothing hangs on memory order.
    arrived = sorted(arrived + today, key=lambda entry: (entry[0], entry[2]))
    delivered.kinds.update([kind for _, kind, _ in arrived])
    return [line for _, _, line in arrived]


def _sorted_out(
    lines: Lines, day: int
) -> tuple[list[tuple[int, int, str]], Iterator[tuple[int, tuple[int, int, str]]]]:
    """The entries (order, kind, line) that arrive on `day`, and those of later days with their day."""
    arrival = lines.received_ms // DAY_MS
    entries = list(zip(lines.order.tolist(), lines.kind.tolist(), lines.text, strict=True))
    waits = np.flatnonzero(arrival > day)
    later = [(int(arrival[n]), entries[n]) for n in waits.tolist()]
    for n in reversed(waits.tolist()):
        del entries[n]
    return entries, iter(later)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]

"""A dry read with the mapping that was written: what a run would accept and refuse, without a home or a lake."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from usage_pipeline import company as companies
from usage_pipeline import engine
from usage_pipeline.company import Company
from usage_pipeline.engine import Backend
from usage_pipeline.errors import Problem
from usage_pipeline.events import ingest, parts
from usage_pipeline.plays import playbook
from usage_pipeline.run.init.files import Told
from usage_pipeline.sources import landing, reading
from usage_pipeline.sources.landing import Delivery

# Rows of events that are read for a trial; a part of a file is read whole.
ROWS = 300_000
_SHOWN = 3
_MEMORY = "600MB"


@dataclass
class Trial:
    """What came of the dry read."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    is_whole: bool = True
    """All rows were read."""
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    """The first refused rows, in words."""
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rows per table, and how many were left out because they lack what every row must have."""
    with_account: int = 0
    """Accepted events that name an account."""
    of_known_accounts: int | None = None
    """Of those, events whose account is in the table of accounts."""
    with_user: int = 0
    """Accepted events that name a person."""
    of_known_users: int | None = None
    """Of those, events whose person is in the table of users."""
    problems: list[str] = field(default_factory=list)
    """What would stop a run, with its fix."""

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def trial(mapping: Path, folder: Path, *, now: datetime, told: Told) -> Trial:
    """Load the mapping and read a sample through it."""
    found = Trial()
    try:
        company = playbook.checked(companies.load(mapping))
    except Problem as problem:
        found.problems.append(str(problem))
        return found
    with tempfile.TemporaryDirectory(prefix="usage-init-") as spill:
        backend = engine.connect(memory_limit=_MEMORY, threads=2, spill=Path(spill))
        # Hashes of the files, so that gigabytes are read for one once.
        state = Path(spill) / "state"
        held = _tables(found, company, folder, backend, now=now, state=state, told=told)
        try:
            _events(found, company, landing.deliveries(folder, now=now, state=state), held, told=told)
        except Problem as problem:
            found.problems.append(_short(problem))
    return found


def _short(problem: Problem) -> str:
    """Without the lists of functions that DuckDB might have meant."""
    return f"{problem.cause.splitlines()[0]}\n  Fix: {problem.fix}"


def _tables(
    found: Trial, company: Company, folder: Path, backend: Backend, *, now: datetime, state: Path, told: Told
) -> dict[str, set[str]]:
    """The ids that the tables of accounts and of users hold."""
    held: dict[str, set[str]] = {"account": set(), "user": set()}
    for name in company.tables:
        told(f"table {name}")
        try:
            read = reading.read(name, folder, company, backend, now=now, state=state)
        except Problem as problem:
            found.problems.append(_short(problem))
            continue
        found.tables[name] = {"rows": read.rows.num_rows, "refused": read.refused}
        if name in held:
            held[name] = set(read.rows[f"{name}_id"].to_pylist())
    return held


def _events(
    found: Trial, company: Company, deliveries: list[Delivery], held: dict[str, set[str]], *, told: Told
) -> None:
    reasons: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    known = dict.fromkeys(held, 0)
    has_addresses = False
    for batch in ingest.batches(deliveries, company):
        told(f"events of {batch.name}")
        for part in parts.judged(batch, company):
            ids = set(zip(part.valid["kind"].to_pylist(), part.valid["event_id"].to_pylist(), strict=True))
            fresh = len(ids - seen)
            seen |= ids
            found.accepted += fresh
            found.duplicates += part.valid.num_rows - fresh
            found.rejected += part.rejected.num_rows
            found.received += part.valid.num_rows + part.rejected.num_rows
            reasons.update(part.rejected["reason"].to_pylist())
            for row in part.rejected.slice(0, _SHOWN - len(found.examples)).to_pylist():
                found.examples.append(f"{row['file']}, line {row['line']}: {row['detail']}: {row['raw'][:200]}")
            named = {kind: part.valid[f"{kind}_id"].drop_null() for kind in held}
            found.with_account += len(named["account"])
            found.with_user += len(named["user"])
            for kind, ids_of in held.items():
                known[kind] += sum(each in ids_of for each in named[kind].to_pylist()) if ids_of else 0
            # An address may yet tell the account by its domain.
            may_tell = (part.valid["user_id"], part.calls["properties"])
            has_addresses = has_addresses or any(
                pc.any(pc.match_substring(column.drop_null(), "@")).as_py() for column in may_tell
            )
            if found.received >= ROWS:
                break
        if found.received >= ROWS:
            found.is_whole = False
            break
    found.reasons = dict(reasons.most_common())
    found.of_known_accounts = known["account"] if held["account"] else None
    found.of_known_users = known["user"] if held["user"] else None
    if not found.received:
        found.problems.append("no row of events could be read\n  Fix: look at `events` in the mapping")
    elif not found.accepted:
        found.problems.append(
            "every row of events was refused, for the reasons above\n  Fix: mend `events` in the mapping"
        )
    elif not (found.with_account or found.of_known_users or has_addresses):
        found.problems.append(
            "no event names an account, or a person of whom the table of users says whose they are: no event would count\n"
            "  Fix: name account_id in the select of the events, or a user_id that the table of users holds"
        )

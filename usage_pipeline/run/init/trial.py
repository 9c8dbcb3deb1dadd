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
        accounts = _tables(found, company, folder, backend, now=now, state=state, told=told)
        try:
            _events(found, company, landing.deliveries(folder, now=now, state=state), accounts, told=told)
        except Problem as problem:
            found.problems.append(_short(problem))
    return found


def _short(problem: Problem) -> str:
    """Without the lists of functions that DuckDB might have meant."""
    return f"{problem.cause.splitlines()[0]}\n  Fix: {problem.fix}"


def _tables(
    found: Trial, company: Company, folder: Path, backend: Backend, *, now: datetime, state: Path, told: Told
) -> set[str]:
    accounts: set[str] = set()
    for name in company.tables:
        told(f"table {name}")
        try:
            read = reading.read(name, folder, company, backend, now=now, state=state)
        except Problem as problem:
            found.problems.append(_short(problem))
            continue
        found.tables[name] = {"rows": read.rows.num_rows, "refused": read.refused}
        if name == "account":
            accounts = set(read.rows["account_id"].to_pylist())
    return accounts


def _events(found: Trial, company: Company, deliveries: list[Delivery], accounts: set[str], *, told: Told) -> None:
    reasons: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    known = 0
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
            of = part.valid.filter(pc.is_valid(part.valid["account_id"]))["account_id"]
            found.with_account += len(of)
            known += sum(account in accounts for account in of.to_pylist()) if accounts else 0
            if found.received >= ROWS:
                break
        if found.received >= ROWS:
            found.is_whole = False
            break
    found.reasons = dict(reasons.most_common())
    found.of_known_accounts = known if accounts else None
    if not found.received:
        found.problems.append("no row of events could be read\n  Fix: look at `events` in the mapping")
    elif not found.accepted:
        found.problems.append(
            "every row of events was refused, for the reasons above\n  Fix: mend `events` in the mapping"
        )

"""The home: the one folder of everything a run makes, and whose company it holds.

landing/  lake/  usage.duckdb  ledger.sqlite  sandbox.sqlite  mlflow/  dagster/
plans/  reports/  forgotten/ (salt and tombstones)  fetched/ (what was brought)  landed/ (files already read)  truth/ (of a simulation)  spill/
company.yaml (the mapping in force)  home.json (what it holds)  run_summary.json
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from usage_pipeline import company as companies
from usage_pipeline.company import Company
from usage_pipeline.errors import Rejected
from usage_pipeline.settings import Settings


@dataclass(frozen=True)
class Holding:
    """What a home holds; another company, input or simulation is refused."""

    company: str
    landing: str
    """Folder of the deliveries."""
    origin: str
    """Where it came from, for a person: the data folder, or seed and size of a simulation."""
    first_known_day: str | None = None
    """Where the partitions begin, once the first ingest knows it."""


class Home:
    """Paths and contents of a home folder."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.home.resolve()
        self.sandbox_url = settings.sandbox_url
        """Where the sandbox of this home is, when it is served."""

    @property
    def company_file(self) -> Path:
        return self.path / "company.yaml"

    @property
    def state_file(self) -> Path:
        return self.path / "home.json"

    @property
    def summary_file(self) -> Path:
        return self.path / "run_summary.json"

    @property
    def dagster(self) -> Path:
        return self.path / "dagster"

    @property
    def mlflow(self) -> Path:
        return self.path / "mlflow"

    @property
    def is_claimed(self) -> bool:
        return self.state_file.exists()

    def holding(self) -> Holding:
        """What the home holds; `Rejected` where it is still empty."""
        if not self.is_claimed:
            raise Rejected(
                f"the home {self.path} is empty",
                fix="run `usage-pipeline run` first, or name another home with USAGE_HOME",
            )
        return Holding(**json.loads(self.state_file.read_text(encoding="utf-8")))

    def company(self) -> Company:
        """The company in force here."""
        self.holding()
        return companies.load(self.company_file)

    def landing(self) -> Path:
        return Path(self.holding().landing)

    def claim(self, mapping: Path, landing: Path, origin: str) -> Company:
        """Make the home this company's; refused where it holds another one.

        An edited mapping of the same company is taken over: it is how a person works on it.
        """
        company = companies.load(mapping)
        wanted = Holding(company.company, str(landing), origin)
        if self.is_claimed:
            held = self.holding()
            if (held.company, held.landing, held.origin) != (wanted.company, wanted.landing, wanted.origin):
                raise Rejected(
                    f"the home {self.path} holds {held.company} ({held.origin}), not {wanted.company} ({origin})",
                    fix="name another folder, e.g. USAGE_HOME=data-" + wanted.company + ", or remove this one",
                )
            wanted = held
        self.path.mkdir(parents=True, exist_ok=True)
        put(self.company_file, mapping.read_text(encoding="utf-8"))
        put(self.state_file, json.dumps(asdict(wanted), indent=2))
        return company

    def begin_partitions(self, first_known_day: date) -> bool:
        """Note the first known day; True where it moved the begin of the partitions."""
        held = self.holding()
        if held.first_known_day is not None and held.first_known_day <= first_known_day.isoformat():
            return False
        put(self.state_file, json.dumps(asdict(held) | {"first_known_day": first_known_day.isoformat()}, indent=2))
        return True

    def fingerprint(self) -> str:
        """Short hash of the mapping in force, for lineage."""
        return hashlib.sha256(self.company_file.read_bytes()).hexdigest()[:12]


def put(target: Path, content: str | dict[str, Any]) -> None:
    """Write a small file whole or not at all."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2, default=str)
    with replaced(target) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """A path to write to, which is put in the target's place at the end; whoever writes at the same time has another."""
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.new")
    try:
        yield aside
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)

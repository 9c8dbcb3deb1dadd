"""What differs between companies: where its facts lie, what its events mean, which plays it runs.

One YAML file per company (`examples/*.yaml`), checked when it is loaded; the message of a
mistake names the file, the line and the fix. Its sections are in `mapping/`.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from usage_pipeline import documents
from usage_pipeline.errors import Rejected
from usage_pipeline.mapping import ready
from usage_pipeline.mapping.acting import Crm, Mode, Plays, Terms
from usage_pipeline.mapping.care import Quality, Repair
from usage_pipeline.mapping.fetches import Fetch, Fetches, Variable
from usage_pipeline.mapping.inputs import Clock, Events
from usage_pipeline.mapping.metrics import Metric, MetricName, Metrics, Scalar
from usage_pipeline.mapping.outcomes import Kind, Outcome, Primary, Roles
from usage_pipeline.mapping.part import Names, Part

# A section is asked for under the name of the whole.
__all__ = [
    "Clock", "Company", "Crm", "Events", "Fetch", "Fetches", "Kind", "Metric", "MetricName", "Metrics", "Mode", "Names",
    "Outcome", "Part", "Plays", "Primary", "Quality", "Repair", "Roles", "Scalar", "Terms", "Variable", "load",
]  # fmt: skip

SourceTable = Literal[
    "account", "account_merge", "user", "subscription", "invoice", "ticket", "survey", "milestone", "label"
]
"""A table of `sources` that files are read into."""


class Company(Part):
    """One company, whole."""

    version: Literal[1] = 1
    """Version of this file's format."""
    company: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name, in lower case: the home remembers it and refuses another company."""
    clock: Clock = Clock()
    """How the input's times are to be read, below."""
    fetch: Fetches = ()
    """Inputs that lie elsewhere and are brought into the landing folder first, below."""
    events: tuple[Events, ...]
    """Where product events come from, a list, below."""
    tables: Annotated[dict[SourceTable, str], BeforeValidator(ready.selects)] = {}  # noqa: RUF012 - pydantic copies it
    """Per table of `sources` one DuckDB SQL `select`, or `{format: stripe}` (`zendesk`, `nps`), docs/input.md."""
    start: date | None = None
    """First day that counts, by default the first known day; what was known before it counts as known on it.

    Mornings begin there and see all that came before as history, so a long past costs one partition."""
    until: date | None = None
    """Read a past that is over as if it were this day's morning: events of a select from this day on are left out."""
    outcomes: dict[str, Outcome] = {  # noqa: RUF012 - pydantic copies it
        "churn_30d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=30),
        "churn_90d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=90),
        "expansion_90d": Outcome(kind=Kind.EXPANSION, source="subscriptions", horizon_days=90),
    }
    """What may happen to an account, by name, below; what is named here replaces the three defaults."""
    primary: Primary = Primary()
    """Which outcomes feed fields, tiers and plays, below."""
    roles: Roles = Roles()
    """Which event names mean what, below."""
    premium_features: tuple[str, ...] = ()
    """Features of the higher plans, by name; their use tells who may expand."""
    metrics: Metrics = {}  # noqa: RUF012 - pydantic copies it
    """Metrics of the company's own, by name, below."""
    plays: Plays = Plays()
    """Which plays act, and how many may, below."""
    crm: Crm = Crm()
    """Where the CRMs keep the product's account id, below."""
    repair: tuple[Repair, ...] = ()
    """How refused rows are mended before `usage-pipeline replay`, below; the first rule that matches a row counts."""
    quality: Quality = Quality()
    """When the product data are not in order, below."""
    stock_sandbox: bool = False
    """The input has no CRM of its own: stock the sandbox with its accounts and three owners."""


def load(path: Path) -> Company:
    """The company in a YAML file; `Rejected` names the line and the fix of a mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as absent:
        raise Rejected(f"there is no mapping {path}", fix="name an existing YAML file with --mapping") from absent
    fix = "mend the named keys; docs/settings.md describes each one"
    return documents.checked(text, str(path), TypeAdapter(Company), fix=fix)

"""Is everything in place? Each check says what it looked at and how to mend it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from usage_pipeline.crm import connecting
from usage_pipeline.errors import Problem, Rejected
from usage_pipeline.home import Home
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.settings import Settings

# A run of the simulated company leaves about 1 GB behind.
FREE_GB = 3


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `fix` is empty where it is in order."""

    name: str
    is_sound: bool
    detail: str
    fix: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, one after the other; none of them changes anything."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("python", _python),
        ("home", _home),
        ("disk", _disk),
        ("company", _company),
        ("ledger", _ledger),
        *((f"crm {name}", lambda settings, name=name: _crm(settings, name)) for name in settings.crm_names),
    ]
    for name, check in checks:
        try:
            yield Finding(name, is_sound=True, detail=check(settings))
        except Problem as problem:
            yield Finding(name, is_sound=False, detail=problem.cause, fix=problem.fix)


def _python(_settings: Settings) -> str:
    return "Python " + ".".join(str(part) for part in sys.version_info[:3])


def _home(settings: Settings) -> str:
    place = settings.home.resolve()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise Rejected(f"{place} cannot be written", fix="name a folder of your own with USAGE_HOME")
    return f"{settings.home.resolve()} can be written"


def _disk(settings: Settings) -> str:
    place = settings.home.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    if free < FREE_GB:
        raise Rejected(
            f"{free:.1f} GB are free at {place}", fix=f"free {FREE_GB} GB, or name another disk with USAGE_HOME"
        )
    return f"{free:.0f} GB free"


def _company(settings: Settings) -> str:
    home = Home(settings)
    if not home.is_claimed:
        return "none yet: `usage-pipeline run` makes or takes one"
    return f"{home.company().company} ({home.holding().origin})"


def _ledger(settings: Settings) -> str:
    if not settings.ledger_url and not Home(settings).path.exists():
        return "SQLite under the home, made by the first run"
    Ledger(settings.ledger)
    return f"{'SQLite under the home' if not settings.ledger_url else 'answers'}"


def _crm(settings: Settings, name: str) -> str:
    if name not in ("hubspot", "salesforce"):
        raise Rejected(
            f"{name!r} is no CRM known here", fix="USAGE_CRMS takes hubspot, salesforce or both, separated by a comma"
        )
    url = settings.hubspot_url if name == "hubspot" else settings.salesforce_url
    if not url:
        return "the sandbox that ships with the project"
    return f"{url} answers as {connecting.connect(settings)[name].instance().key}"

"""The whole of `usage-pipeline init`: look, tell, write, try."""

import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home, put
from usage_pipeline.run.init import guessing, trial, writing
from usage_pipeline.run.init.files import Told
from usage_pipeline.run.init.trial import Trial
from usage_pipeline.run.init.understood import Understood
from usage_pipeline.settings import Settings


@dataclass(frozen=True)
class Begun:
    """A mapping that was written, and what a run would make of it."""

    understood: Understood
    mapping: Path
    trial: Trial
    command: str

    @property
    def is_ready(self) -> bool:
        return not self.understood.stops and not self.trial.problems

    def to_json(self) -> dict[str, Any]:
        return self.understood.to_json() | {
            "mapping": str(self.mapping),
            "trial": self.trial.to_json(),
            "is_ready": self.is_ready,
            "next": self.command if self.is_ready else None,
        }


def look(settings: Settings, folder: Path, company: str | None, *, now: datetime, told: Told) -> Understood:
    """What the files of the folder are taken to be."""
    if not folder.is_dir():
        raise Rejected(f"there is no folder {folder}", fix="name the folder of your files with --data")
    name = company or short_name(folder.resolve().name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Rejected(f"{name!r} is no short name", fix="write it in lower case, with digits and _: --company acme")
    has_crm = bool(settings.hubspot_url or settings.salesforce_url)
    return guessing.understood(folder, name, now=now, told=told, has_crm=has_crm)


def write(settings: Settings, found: Understood, folder: Path, output: Path, *, now: datetime, told: Told) -> Begun:
    """Write the mapping, and read a sample through it; without events there is nothing to write."""
    if not found.events:
        raise Rejected(found.stops[0].partition(". ")[0], fix=found.stops[0].partition(". ")[2])
    put(output, writing.written(found, str(output)))
    return Begun(found, output, trial.trial(output, folder, now=now, told=told), command(settings, found, output))


def command(settings: Settings, found: Understood, output: Path) -> str:
    """What to type next; in a home of its own where the usual one holds another company."""
    home = Home(settings)
    own = home.is_claimed and home.holding().company != found.company
    before = f"USAGE_HOME=data-{found.company} " if own else ""
    return before + shlex.join(["usage-pipeline", "run", "--mapping", str(output), "--data", found.folder])


def short_name(folder: str) -> str:
    """A company's short name from a folder's."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"company_{plain}".rstrip("_")

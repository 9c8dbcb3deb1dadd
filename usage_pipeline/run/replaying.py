"""The quarantine from a terminal: what was refused, and replaying what a rule of the mapping mends."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from usage_pipeline.defs.place import Opened
from usage_pipeline.events import replay
from usage_pipeline.events.replay import Replayed
from usage_pipeline.home import put
from usage_pipeline.sources import landing
from usage_pipeline.sources.tombstones import Tombstones

UNFINISHED = "replaying.json"


class Jobs(Protocol):
    """What brings links and rollups up to date."""

    def execute(self, job: str, *, days: tuple[date, date] | None = None) -> Any: ...


def quarantine(place: Opened, reason: str | None) -> list[dict[str, Any]]:
    """Refused rows per file and reason, with the fix in words and samples."""
    return replay.counts(place.lake, reason)


def replayed(place: Opened, jobs: Jobs, *, really: bool) -> list[Replayed]:
    """Mend and land what the mapping's rules match, then bring links and rollups up to date.

    What it is about to change is written down first: where it is killed, the next one rolls those days up.
    """
    home = place.home
    deliveries = landing.deliveries(home.landing(), now=place.now(), state=home.path / "landed")

    def mended(*, really: bool) -> list[Replayed]:
        return replay.replay(
            deliveries, place.company, place.lake, Tombstones(home.path), now=place.now(), really=really
        )

    foreseen = mended(really=False)
    if not really:
        return foreseen
    unfinished = home.path / UNFINISHED
    days = _days(unfinished) | {day for one in foreseen for day in one.known_days}
    if not days:
        return foreseen
    put(unfinished, json.dumps(sorted(day.isoformat() for day in days)))
    done = mended(really=True)
    days |= {day for one in done for day in one.known_days}
    jobs.execute("ingest")
    jobs.execute("roll_up", days=(min(days), max(days)))
    unfinished.unlink()
    return done


def _days(unfinished: Path) -> set[date]:
    """The days that a replay was about to change when it was killed."""
    if not unfinished.exists():
        return set()
    return {date.fromisoformat(day) for day in json.loads(unfinished.read_text(encoding="utf-8"))}

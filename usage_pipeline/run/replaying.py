"""The quarantine from a terminal: what was refused, and replaying what a rule of the mapping mends."""

from typing import Any

from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Opened
from usage_pipeline.events import replay
from usage_pipeline.events.replay import Replayed
from usage_pipeline.sources import landing
from usage_pipeline.sources.tombstones import Tombstones


def quarantine(place: Opened, reason: str | None) -> list[dict[str, Any]]:
    """Refused rows per file and reason, with the fix in words and samples."""
    return replay.counts(place.lake, reason)


def replayed(place: Opened, *, really: bool) -> list[Replayed]:
    """Mend and land what the mapping's rules match, then bring links and rollups up to date."""
    home = place.home
    deliveries = landing.deliveries(home.landing(), now=place.now(), state=home.path / "landed")
    done = replay.replay(deliveries, place.company, place.lake, Tombstones(home.path), now=place.now(), really=really)
    days = [day for one in done for day in one.known_days]
    if really and days:
        launcher = Launcher(home)
        launcher.execute("ingest")
        launcher.execute("roll_up", days=(min(days), max(days)))
    return done

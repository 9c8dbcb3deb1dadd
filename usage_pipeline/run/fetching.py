"""A fetch by hand, from a terminal."""

from dataclasses import asdict
from typing import Any

from usage_pipeline.defs import fetching
from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Opened
from usage_pipeline.errors import Rejected
from usage_pipeline.run import delivering


def bring() -> dict[str, Any]:
    """Bring what is new; the metadata of what came. Recorded as a run like any other."""
    return dict(Launcher(_opened().home).execute("fetch").metadata["sources/fetched"])


def waiting() -> list[dict[str, Any]]:
    """What a fetch would bring, by source; nothing is written."""
    return [asdict(one) for one in fetching.waiting(_opened())]


def _opened() -> Opened:
    opened = delivering.opened()
    if not opened.company.fetch:
        raise Rejected(
            f"the mapping of {opened.company.company} names nothing that lies elsewhere",
            fix='add a `fetch:` section (docs/input.md, "Inputs that lie elsewhere") and run '
            "`usage-pipeline run` with the mapping once",
        )
    return opened

"""The engine from landing to signals over one home, in a process of its own that may be told to die on the way.

    python whole_engine.py HOME FIRST LAST [--steps events,usage,mornings] [--die-at N]

Prints how many moments passed at which it could have died: two for each commit to the lake
(before and after) and one for each event that Dagster keeps.
"""

import argparse
import os
import signal
import sys
from datetime import date
from pathlib import Path

EVENTS, USAGE, MORNINGS = "events", "usage", "mornings"


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("home", type=Path)
    asked.add_argument("first", type=date.fromisoformat)
    asked.add_argument("last", type=date.fromisoformat)
    asked.add_argument("--steps", default=f"{EVENTS},{USAGE},{MORNINGS}")
    asked.add_argument("--die-at", type=int, default=0)
    given = asked.parse_args()
    os.environ["USAGE_HOME"] = str(given.home)
    moments = _watch(given.die_at)
    _go(given)
    print(moments())


def _watch(die_at):
    import dagster as dg

    from usage_pipeline.lake import store as lake

    passed = 0

    def pass_one():
        nonlocal passed
        passed += 1
        if passed == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    write, store = lake.write_deltalake, dg.DagsterInstance.store_event

    def written(*arguments, **named):
        pass_one()
        write(*arguments, **named)
        pass_one()

    def stored(self, event):
        store(self, event)
        pass_one()

    lake.write_deltalake, dg.DagsterInstance.store_event = written, stored
    return lambda: passed


def _go(given):
    from dagster_duckdb import DuckDBResource

    from usage_pipeline.defs.launching import Launcher
    from usage_pipeline.defs.place import Place
    from usage_pipeline.events import catalogue as events
    from usage_pipeline.home import Home
    from usage_pipeline.run.simulation import MAPPING
    from usage_pipeline.settings import Settings

    home, steps = Home(Settings()), given.steps.split(",")
    home.claim(MAPPING, given.home / "landing", "a story")
    opened = Place(duckdb=DuckDBResource(database=":memory:")).opened
    launcher = Launcher(home)
    if EVENTS in steps:
        launcher.execute("ingest")
    if USAGE in steps:
        for days in launcher.pending_days(opened.lake.partitions(events.EVENT)):
            launcher.execute("roll_up", days=days)
    if MORNINGS in steps:
        launcher.execute("backfill", days=(given.first, given.last))


if __name__ == "__main__":
    sys.exit(main())

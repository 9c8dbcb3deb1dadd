"""Builders: a call, a delivery, a lake with what was landed in it."""

import gzip
import json
from datetime import datetime

from usage_pipeline import engine
from usage_pipeline.company import Clock, Company, Events
from usage_pipeline.events import catalogue, ingest
from usage_pipeline.lake import Lake

LANDED = datetime(2026, 5, 4, 2)


def track(number=1, **fields):
    call = {
        "type": "track",
        "messageId": f"m{number}",
        "event": "Report Created",
        "userId": "u1",
        "timestamp": "2026-05-03T10:00:00Z",
        "context": {"groupId": "a1"},
    } | fields
    return {name: value for name, value in call.items() if value is not None}


def text(*calls):
    return "".join((call if isinstance(call, str) else json.dumps(call)) + "\n" for call in calls).encode()


def deliver(landing, content, *, name="day", file="events.jsonl", landed_at=LANDED, history=False):
    folder = landing / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)
    (folder / "manifest.json").write_text(json.dumps({"landed_at": landed_at.isoformat(), "history": history}))


def segment(**clock):
    return Company(company="acme", clock=Clock(**clock), events=(Events(format="segment"),))


def a_lake(folder):
    return Lake(str(folder / "lake"), engine.connect(memory_limit="500MB", threads=1, spill=folder / "spill"))


def land(landing, lake, company=None):
    return ingest.ingest(landing, company or segment(), lake, now=LANDED, progress=lambda *_: None)


def rows(lake, table):
    return sorted(
        lake.backend.to_pyarrow(lake.read(table)).to_pylist(),
        key=lambda row: (row["batch"], row.get("line", 0)),
    )


def events(lake):
    return rows(lake, catalogue.EVENT)


def rejected(lake):
    return rows(lake, catalogue.REJECTED)

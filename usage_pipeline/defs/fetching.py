"""Brings what lies elsewhere into the landing folder, where `new_files` sees it; only for mappings with a `fetch:`."""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dotenv import dotenv_values

from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.lake import Table
from usage_pipeline.settings import Settings
from usage_pipeline.sources import fetching
from usage_pipeline.sources.fetching import Brought, Waiting

FETCHED = Table("sources", "fetched", "source of the mapping's fetch", ())
"""For the graph alone: what it stands for lies in the landing folder, not in the lake."""
STATE = "fetched"
"""Folder under the home in which each source's memory lies."""


def variables() -> Mapping[str, str]:
    """What a mapping may name: the environment, and below it the file that the settings read, too."""
    file = dotenv_values(str(Settings.model_config["env_file"]))
    return {name: value for name, value in file.items() if value is not None} | dict(os.environ)


def waiting(opened: Opened) -> list[Waiting]:
    """What a fetch would bring; nothing is written."""
    found = fetching.waiting(
        opened.company.fetch,
        opened.home.landing(),
        state=opened.home.path / STATE,
        variables=variables(),
        now=opened.now(),
    )
    return list(found)


@dg.asset(
    key=[FETCHED.stage, FETCHED.name],
    group_name=FETCHED.stage,
    owners=[tables.DATA],
    kinds={"s3", "sql"},
    description="What the object stores and databases of the mapping's `fetch` have that is new, as deliveries in the "
    "landing folder. What was brought before does not come again; a mapping without a `fetch` brings nothing.",
)
def fetched(context: dg.AssetExecutionContext, place: Place) -> dg.MaterializeResult[None]:
    """Deliveries in the landing folder, with what came from each source as metadata."""
    opened = place.opened
    came = fetching.fetch(
        opened.company.fetch,
        opened.home.landing(),
        state=opened.home.path / STATE,
        variables=variables(),
        now=opened.now(),
        progress=lambda source, words: context.log.info("%s: %s", source, words),
    )
    return dg.MaterializeResult(metadata=metadata(came))


def metadata(came: list[Brought]) -> dict[str, Any]:
    """What came, for a person and for plots."""
    lines = [
        f"| {one.name} | {len(one.deliveries)} | {one.files} | {'' if one.rows is None else one.rows} "
        f"| {one.bytes} | {one.until} |"
        for one in came
    ]
    head = "| source | deliveries | files | rows | bytes | read up to |\n|---|---|---|---|---|---|"
    return {
        "in_short": in_short(came),
        "sources": dg.MetadataValue.md("\n".join([head, *lines])),
        "by_source": dg.MetadataValue.json([_told(one) for one in came]),
        "deliveries": sum(len(one.deliveries) for one in came),
        "files": sum(one.files for one in came),
        "rows": sum(one.rows or 0 for one in came),
        "bytes": sum(one.bytes for one in came),
    }


def _told(one: Brought) -> dict[str, Any]:
    return {
        "source": one.name,
        "deliveries": [each.name for each in one.deliveries],
        "files": one.files,
        "rows": one.rows,
        "bytes": one.bytes,
        "until": one.until,
    }


def in_short(came: list[Brought]) -> str:
    """One line for a terminal."""
    new = [
        f"{one.name} {one.files:,} files" + ("" if one.rows is None else f" ({one.rows:,} rows)")
        for one in came
        if one.deliveries
    ]
    return ", ".join(new) or "nothing new"


fetch = dg.define_asset_job(
    "fetch",
    dg.AssetSelection.assets(fetched),
    description="Bring what is new in the object stores and databases of the mapping into the landing folder; "
    "an ingest follows by itself. Harmless to repeat.",
)
hourly_fetch = dg.ScheduleDefinition(
    name="hourly_fetch",
    job=fetch,
    cron_schedule="7 * * * *",
    description="Off until a person has seen a fetch by hand (`usage-pipeline fetch --dry-run`) and switches it on.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

"""Partitions: days on which things became known, and mornings.

They begin at the company's start, else at the first day anything became known.
"""

import warnings
from datetime import date

import dagster as dg

from usage_pipeline.home import Home
from usage_pipeline.periods import QUARTER
from usage_pipeline.settings import Settings

# Shown while no home exists yet, so that the definitions load on a fresh clone.
NOTHING_KNOWN = date(2026, 1, 1)


def first_day() -> date:
    """The first known day of the home; read once, when the definitions load."""
    home = Home(Settings())
    if not home.is_claimed:
        return NOTHING_KNOWN
    stated = home.company().start
    known = home.holding().first_known_day
    return stated or (date.fromisoformat(known) if known else NOTHING_KNOWN)


_FIRST = first_day().isoformat()

KNOWN_DAYS = dg.DailyPartitionsDefinition(start_date=_FIRST)
"""Days on which things became known."""

MORNINGS = dg.DailyPartitionsDefinition(start_date=_FIRST, end_offset=1)
"""Mornings; with today's, which sees everything up to last midnight."""

# Dagster calls its back-fill policies and partition mappings beta, partitioned checks a preview; the bound on Dagster is one minor version.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

DAYS_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-QUARTER, end_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""A morning sees the days before it."""

IN_ONE_RUN = dg.BackfillPolicy.single_run()


def span(context: dg.AssetExecutionContext | dg.OutputContext) -> tuple[date, date]:
    """First and last day of the run's partitions."""
    keys = context.partition_keys if isinstance(context, dg.AssetExecutionContext) else context.asset_partition_keys
    return date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])


def mornings(context: dg.AssetExecutionContext) -> list[date]:
    """The mornings of the run."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def day(key: str) -> date:
    """The day of a partition key."""
    return date.fromisoformat(key)

"""Jobs a person would ask for."""

import dagster as dg

from usage_pipeline.defs.sources import FROM_FILES

SOURCES = dg.AssetSelection.assets(*(dg.AssetKey([table.stage, table.name]) for table in FROM_FILES))
CRM = dg.AssetSelection.assets(
    "sources/crm_link", "sources/crm_owner", "sources/deal", "sources/crm_contract", "sources/past_actions"
)
METRICS = dg.AssetSelection.assets("usage/metric")
SCORED = (
    METRICS
    | dg.AssetSelection.assets("features/account_snapshot")
    | dg.AssetSelection.groups("segments", "scores", "signals")
)

ingest = dg.define_asset_job(
    "ingest",
    SOURCES | dg.AssetSelection.groups("events"),
    description="Land every new file: events, and what others know. Harmless to repeat.",
)
roll_up = dg.define_asset_job(
    "roll_up",
    dg.AssetSelection.groups("usage"),
    description="Bring the daily rollups of some known days up to date.",
)
retrain = dg.define_asset_job(
    "retrain",
    METRICS | dg.AssetSelection.assets("features/training_snapshot") | dg.AssetSelection.groups("labels", "models"),
    description="Learn again from everything known: training mornings, labels, models. Promotes only what is no worse.",
)
daily = dg.define_asset_job(
    "daily",
    CRM | SCORED | dg.AssetSelection.groups("plays"),
    description="Score a morning and decide what to do. Touches no CRM but to read it.",
)
backfill = dg.define_asset_job(
    "backfill",
    SCORED,
    description="Snapshots, segments, scores and signals of past mornings, in one run. Decides and delivers nothing.",
)
deliver = dg.define_asset_job(
    "deliver",
    dg.AssetSelection.groups("sync"),
    description="Plan and apply a morning's fields and tasks to the CRMs. The only job that writes to them.",
)
apply = dg.define_asset_job(
    "apply",
    dg.AssetSelection.assets("sync/log", "sync/acknowledged", "sync/rejection", "sync/alert"),
    description="Apply plans that are there already: those of the morning, or of a file that a person has approved.",
)
review = dg.define_asset_job(
    "review",
    dg.AssetSelection.assets("labels/outcome") | dg.AssetSelection.groups("outcomes", "reports"),
    description="What came of it: flags against what happened, assigned to act against held out, as tables and pages.",
)

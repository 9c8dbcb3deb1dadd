"""`outcomes`: what came of it: results and impact."""

from datetime import date

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.labels import catalogue as labels
from usage_pipeline.models import catalogue as models
from usage_pipeline.outcomes import catalogue, effects, results
from usage_pipeline.periods import ONE_DAY
from usage_pipeline.reports import markdown
from usage_pipeline.scores import catalogue as scores
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.sync import catalogue as sync
from usage_pipeline.usage import catalogue as usage

KINDS = {"python"}


def today(opened: Opened) -> date:
    """The morning after the last known day: what is known is known then."""
    return opened.lake.partitions(usage.ACCOUNT_DAY)[-1] + ONE_DAY


@tables.asset(
    catalogue.FLAG,
    owner=tables.ML,
    kinds=KINDS,
    inputs={"judged": models.JUDGED, "label": labels.OUTCOME},
    deps=[scores.ACCOUNT_SCORE],
)
def flag(context: dg.AssetExecutionContext, place: Place, judged: ir.Table, label: ir.Table) -> pd.DataFrame:
    """One row per outcome, earlier morning and tier: how many were flagged, and to how many it then happened."""
    opened = place.opened
    frame = opened.lake.backend.to_pandas
    history = opened.lake.read(scores.ACCOUNT_SCORE)
    found = results.flags(frame(judged), frame(history), frame(label), today(opened), opened.company)
    context.add_output_metadata({"flags": dg.MarkdownMetadataValue(markdown.flags(found))})
    return found


@tables.asset(
    catalogue.EPISODE,
    owner=tables.SUCCESS,
    kinds=KINDS,
    inputs={"label": labels.OUTCOME},
    deps=[sources.PAST_ACTION, sync.LOG],
)
def episode(place: Place, label: ir.Table) -> pd.DataFrame:
    """One row per play, account, episode and outcome: the arm, the task's state, and what happened."""
    opened = place.opened
    past = results.past_actions(opened.ledger, today(opened))
    return results.episodes(opened.ledger.assignments(), past, opened.frame(label), today(opened), opened.company)


@tables.asset(catalogue.EFFECT, owner=tables.SUCCESS, kinds=KINDS, inputs={"episodes": catalogue.EPISODE})
def effect(context: dg.AssetExecutionContext, place: Place, episodes: ir.Table) -> pd.DataFrame:
    """One row per play and outcome: assigned to act against held out, with its interval, or when it will be known."""
    opened = place.opened
    visibility = opened.company.plays.holdout_visibility
    found = effects.effects(opened.frame(episodes), today(opened), holdout_visibility=visibility)
    known = int((found["state"] == "known").sum())
    context.add_output_metadata(
        {
            "in_short": f"{known} of {len(found)} effects known",
            "effects": dg.MarkdownMetadataValue(markdown.effects(found, opened.company)),
        }
    )
    return found

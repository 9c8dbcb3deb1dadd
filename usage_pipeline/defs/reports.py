"""`reports`: what people look at."""

import dagster as dg

from usage_pipeline.defs import tables
from usage_pipeline.defs.outcomes import today
from usage_pipeline.defs.place import Place
from usage_pipeline.home import put
from usage_pipeline.models import catalogue as models
from usage_pipeline.outcomes import catalogue as outcomes
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.reports import markdown, outcomes_page


@dg.asset(
    key=["reports", "outcomes_page"],
    group_name="reports",
    owners=[tables.SUCCESS],
    kinds={"html"},
    deps=[
        dg.AssetKey([table.stage, table.name])
        for table in (outcomes.FLAG, outcomes.EPISODE, outcomes.EFFECT, plays.DECISION, models.TRAINING)
    ],
)
def page(place: Place) -> dg.MaterializeResult[None]:
    """The page for a revenue leader: what the plays changed, what flags were worth, what was decided and why not."""
    opened = place.opened
    lake = opened.lake
    frame = lake.backend.to_pandas
    mornings = lake.partitions(plays.DECISION)
    newest = (mornings[-1], mornings[-1]) if mornings else None
    trainings = frame(lake.read(models.TRAINING)).sort_values("trained_as_of").drop_duplicates("outcome", keep="last")
    decisions = frame(lake.read(plays.DECISION, newest))
    html = outcomes_page.html(
        as_of=today(opened),
        company=opened.company,
        effects=frame(lake.read(outcomes.EFFECT)),
        episodes=frame(lake.read(outcomes.EPISODE)),
        flags=frame(lake.read(outcomes.FLAG)),
        decisions=decisions,
        training=trainings,
    )
    target = opened.home.path / "reports" / "outcomes.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    put(target, html)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(target)),
            "decisions": dg.MarkdownMetadataValue(markdown.decisions(decisions)),
            "training": dg.MarkdownMetadataValue(markdown.training(trainings)),
        }
    )

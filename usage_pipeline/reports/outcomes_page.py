"""The page of outcomes: what the plays changed, whether flags came true, what was decided and why not.

One HTML text without script or anything fetched, fit for a browser, an e-mail and paper.
"""

from datetime import date
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from usage_pipeline.company import Company
from usage_pipeline.outcomes import effects as effects_of_plays
from usage_pipeline.reports import drawing, markdown, views


def html(
    *,
    as_of: date,
    company: Company,
    effects: pd.DataFrame,
    episodes: pd.DataFrame,
    flags: pd.DataFrame,
    decisions: pd.DataFrame,
    training: pd.DataFrame,
) -> str:
    """The page; each frame has the columns of its catalogue, `decisions` those of this morning."""
    page = jinja2.Environment(
        loader=jinja2.PackageLoader("usage_pipeline.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("outcomes.html.j2")
    effect_lines, plays, tasks = views.effects(effects, company, as_of), views.plays(decisions), views.tasks(episodes)
    return page.render(
        as_of=as_of,
        company=company.company.replace("_", " "),
        silence=views.silence(decisions),
        cards=_cards(decisions, plays, tasks, effect_lines),
        effects=_with_intervals(effect_lines),
        tasks=tasks,
        states=views.TASK_STATES,
        flags=_with_bars(views.flags(flags)),
        plays=[(line, _decided(line), markdown.reasons(line)) for line in plays],
        shown=effects_of_plays.SHOWN if company.plays.holdout_visibility == "shown" else None,
        hold_out_share=company.plays.hold_out_share,
        global_hold_out_share=company.plays.global_hold_out_share,
        models=[_model(row) for row in views.trainings(training)],
        share=markdown.share,
        points=markdown.points,
        number=markdown.number,
        ranged=markdown.ranged,
    )


def _cards(
    decisions: pd.DataFrame, plays: list[views.PlayLine], tasks: list[views.TaskLine], effects: list[views.EffectLine]
) -> list[tuple[str, str, str]]:
    goes_on, do = sum(line.goes_on for line in plays), sum(line.do for line in plays)
    closed = sum(line.states["done"] + line.states["dismissed"] for line in tasks)
    known = sum(line.difference is not None for line in effects)
    held = decisions.loc[decisions["decision"] == "hold_out", "account_id"].nunique()
    return [
        (f"{decisions['account_id'].nunique():,}", "accounts looked at", "this morning"),
        (f"{do - goes_on:,}", "new tasks wanted", f"and {goes_on:,} that go on"),
        (f"{held:,}", "accounts held out", "of at least one play"),
        (
            f"{sum(line.assigned for line in tasks):,}",
            "episodes of plays so far",
            f"{closed:,} tasks closed by a person",
        ),
        (f"{known} of {len(effects)}", "effects known", "the others say when they will be"),
    ]


def _with_intervals(lines: list[views.EffectLine]) -> list[tuple[views.EffectLine, Markup | None]]:
    known = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    reach = drawing.reach(known)
    return [
        (
            line,
            drawing.difference(line.difference, line.low, line.high, reach=reach, reading=line.reading)
            if line.difference is not None and line.low is not None and line.high is not None
            else None,
        )
        for line in lines
    ]


def _with_bars(lines: list[views.FlagLine]) -> dict[str, list[tuple[views.FlagLine, Markup | None]]]:
    """By outcome; one scale per outcome, so that tiers can be compared by eye."""
    found: dict[str, list[tuple[views.FlagLine, Markup | None]]] = {}
    for outcome in dict.fromkeys(line.outcome for line in lines):
        of_outcome = [line for line in lines if line.outcome == outcome]
        top = max((line.known.share or 0.0) for line in of_outcome)
        found[outcome] = [
            (
                line,
                # No interval here: one account on many mornings is not many accounts.
                None if line.known.share is None else drawing.bar(line.known.share, top=top, name=line.tier),
            )
            for line in of_outcome
        ]
    return found


def _decided(line: views.PlayLine) -> Markup:
    refused = sum(count for _, count in line.refusals)
    return drawing.stack([("do", line.do), ("hold_out", line.hold_out), ("refused", refused)])


def _model(row: dict[str, Any]) -> dict[str, Any]:
    """A training's row with its picture: the model, the logistic regression and the rule on one scale."""
    measured = [
        (name, row[column])
        for name, column in (
            ("model", "average_precision"),
            ("logistic", "logistic_average_precision"),
            ("rule", "rule_average_precision"),
            ("chance", "base_rate"),
        )
        if row[column] is not None
    ]
    interval = (
        None if row["average_precision_low"] is None else (row["average_precision_low"], row["average_precision_high"])
    )
    top = (
        max(
            [value for _, value in measured] + ([interval[1]] if interval and interval[1] is not None else []),
            default=1.0,
        )
        * 1.05
    )
    return row | {"picture": drawing.scale(measured, interval, top=top) if measured else None}

"""Which labels speak of accounts that a play had acted on."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from usage_pipeline.company import Outcome
from usage_pipeline.labels.catalogue import OUTCOME


def marked(labels: ir.Table, tasks: pd.DataFrame, outcomes: Mapping[str, Outcome]) -> ir.Table:
    """The labels with `is_treated` set where a play acted within the horizon before or after the morning.

    `tasks` are those that were opened (account_id, opened_on): what a person did about an account
    changes what happens to it, so such a label says less about the model. One that was withdrawn
    may have been read; an arm for which no task was opened did nothing.
    """
    if tasks.empty:
        return OUTCOME.conform(labels)
    days = ibis.memtable(
        pd.DataFrame({"account_id": tasks["account_id"], "acted_on": pd.to_datetime(tasks["opened_on"]).dt.date}),
        schema={"account_id": "string", "acted_on": "date"},
    )
    horizon = ibis.cases(
        *((labels.outcome == name, one.horizon_days) for name, one in outcomes.items()), else_=ibis.null("int64")
    )
    asked = labels.mutate(horizon=horizon)
    apart = asked.inner_join(days, "account_id")
    near = apart.filter(apart.acted_on.delta(apart.as_of, unit="day").abs() <= apart.horizon)
    treated = near.select("account_id", "outcome", "as_of").distinct().mutate(near_action=True)
    rows = labels.left_join(treated, ["account_id", "outcome", "as_of"])
    return OUTCOME.conform(rows.mutate(is_treated=rows.near_action.fill_null(False)))  # noqa: FBT003 - the value itself

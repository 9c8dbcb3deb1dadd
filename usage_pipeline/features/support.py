"""What the account asked of support, and how satisfied it says it is."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine, periods
from usage_pipeline.features import windows
from usage_pipeline.features.sight import KEY, Seen

_URGENT = ("high", "urgent")
# An answer older than a year says little about today.
_ANSWER_DAYS = 365


def tickets(seen: Seen) -> ir.Table:
    """One row per account with a ticket, ever."""
    ticket = seen.ticket
    in_28, in_90 = windows.trailing(ticket.age, 28), windows.trailing(ticket.age, 90)
    closed = windows.trailing(ticket.closed_age, 90)
    return ticket.group_by(KEY).agg(
        tickets_28d=engine.whole(in_28.sum()),
        tickets_90d=engine.whole(in_90.sum()),
        tickets_rise_28d=engine.whole(in_28.sum()) - engine.whole(windows.before(ticket.age, periods.MONTH).sum()),
        tickets_open=engine.whole(ticket.closed_age.isnull().sum()),
        tickets_urgent_90d=engine.whole((in_90 & ticket.priority.isin(_URGENT)).sum()),
        satisfaction_90d=engine.ratio(
            engine.whole(ticket.satisfaction.sum(where=closed)), engine.whole(ticket.satisfaction.count(where=closed))
        ),
    )


def answers(seen: Seen) -> ir.Table:
    """One row per account that answered an NPS survey within a year."""
    nps = seen.survey.filter(seen.survey.kind == "nps", seen.survey.score.notnull())
    order = ibis.row_number().over(group_by=KEY, order_by=["age", ibis.desc("response_id")])
    nps = nps.mutate(order=order)
    last = nps.group_by(KEY).agg(
        age=nps.age.min(),
        nps_last=nps.score.max(where=nps.order == 0),
        nps_before=nps.score.max(where=nps.order == 1),
    )
    last = last.filter(last.age <= _ANSWER_DAYS)
    return last.select(*KEY, "nps_last", nps_change=last.nps_last - last.nps_before)

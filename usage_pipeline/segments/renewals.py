"""Where an account stands on the way to its renewal (conflict 13)."""

import ibis
import ibis.expr.types as ir

# (first day of the stage counted back from the end of the term, name). An edge belongs to the
# stage nearer to the renewal: at 180 days Pre-Window, at 30 Active-Negotiation (SEG-20).
STAGES = ((30, "Active-Negotiation"), (90, "Window-Open"), (180, "Pre-Window"))


def renewal_stage(snapshots: ir.Table) -> ir.StringValue:
    """The stage by days to the end of the running term; none where no term is known."""
    t = snapshots
    return ibis.cases(
        (t.days_to_renewal.isnull(), "none"),
        ((t.days_to_renewal < 0) & t.is_auto_renew, "Past-Renewal-Auto"),
        (t.days_to_renewal < 0, "Past-Renewal-Lapsed"),
        *((t.days_to_renewal <= days, name) for days, name in STAGES),
        else_="Renewal-Far",
    )

"""Heavy, Occasional or Dormant: four metrics scored 1 to 5 and summed (SEG-08).

Recency is always in, frequency stands beside intensity, and none decides alone (SEG-14).
"""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine

HEAVY, OCCASIONAL, DORMANT = "Heavy", "Occasional", "Dormant"

# Of 4 to 20 points. Heavy: four fifths of all points. Dormant: the lowest fifth in frequency,
# intensity and breadth together with a recency of 3 or less.
HEAVY_FROM = 16
DORMANT_UP_TO = 6

# A customer who rests over a weekend is as recent as one can be.
SHORTEST_PAUSE_DAYS = 3.0


def bucket(snapshots: ir.Table) -> ir.StringValue:
    """The bucket by the sum of recency, frequency, intensity and breadth, each 1 to 5.

    `snapshots` carry `is_in_use` beside the catalogue's columns: the fifths are those of the accounts in use.
    """
    t = snapshots
    intensity = t.uses_per_user_28d.fill_null(t.uses_28d.cast("float64"))
    points = recency(t) + _fifth(t, t.active_days_28d) + _fifth(t, intensity) + _fifth(t, t.features_28d)
    return ibis.cases((points >= HEAVY_FROM, HEAVY), (points <= DORMANT_UP_TO, DORMANT), else_=OCCASIONAL)


def recency(t: ir.Table) -> ir.IntegerValue:
    """5 to 1 as the pause passes one, two, four and eight usual pauses of the active base (SEG-11)."""
    usual = ibis.ifelse(t.is_in_use, t.days_since_last_use, ibis.null("int64")).median().over(ibis.window())
    pause = engine.ratio(t.days_since_last_use, ibis.greatest(usual.fill_null(0.0), SHORTEST_PAUSE_DAYS))
    return ibis.cases((pause <= 1, 5), (pause <= 2, 4), (pause <= 4, 3), (pause <= 8, 2), else_=1)


def _fifth(t: ir.Table, measure: ir.NumericValue) -> ir.IntegerValue:
    """The quintile among the accounts in use; 1 for the others."""
    known = ibis.ifelse(t.is_in_use, measure, ibis.null(measure.type()))
    return engine.quintile(known, within=["is_in_use"]).fill_null(1)

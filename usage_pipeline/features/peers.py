"""The account against similar accounts: industry and size, size alone, or all, until there are ten."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from usage_pipeline.features.sight import KEY, beside

# Below ten, one odd account moves a median.
FEW = 10

_COMPARED = {"users_change_vs_peers": "users_change_28d", "uses_change_vs_peers": "uses_change_28d"}
_RANKED = {
    "uses_percentile_28d": "uses_28d",
    "users_percentile_28d": "users_28d",
    "features_percentile_28d": "features_28d",
}
_NARROW, _WIDE, _ALL = 0, 1, 2


def against_peers(accounts: ir.Table, ranked: Mapping[str, str]) -> ir.Table:
    """The accounts of each morning, each with its peer group and where it stands in it (itself included).

    `ranked` are places by own metrics, beside those of every company: a column, and what it is a place by.

    An account counts as a peer in all its groups, also where it is itself compared with a narrower one:
    so every account is laid out once per group, and kept in the narrowest that is large enough.
    """
    figures = dict.fromkeys((*_COMPARED.values(), *_RANKED.values(), *ranked.values()))
    # Only what is compared is laid out, and stands beside the rest again when it is known.
    rows = accounts.select(*KEY, "industry", "size_band", *figures)
    rows = rows.cross_join(ibis.range(_ALL + 1).unnest().name("level").as_table())
    group = ibis.cases(
        (rows.level == _NARROW, rows.industry.fill_null("unknown") + ", " + rows.size_band),
        (rows.level == _WIDE, ibis.literal("all of ") + rows.size_band),
        else_="all accounts",
    )
    rows = rows.mutate(peer_group=group)
    peers = ["as_of", "level", "peer_group"]
    rows = rows.mutate(
        peers=rows.count().over(group_by=peers),
        **{name: rows[own] - rows[own].median().over(group_by=peers) for name, own in _COMPARED.items()},
        **{name: ibis.cume_dist().over(group_by=peers, order_by=own) for name, own in _RANKED.items()},
        **{name: _place(rows, own, peers) for name, own in ranked.items()},
    )
    enough = rows.filter((rows.peers >= FEW) | (rows.level == _ALL))
    narrowest = enough.level == enough.level.min().over(group_by=KEY)
    said = enough.mutate(narrowest=narrowest).filter(ibis._.narrowest)
    return beside(accounts, said.select(*KEY, "peer_group", "peers", *_COMPARED, *_RANKED, *ranked))


def _place(rows: ir.Table, own: str, peers: list[str]) -> ir.FloatingValue:
    """The place among those of whom the figure is known; NULL for the others."""
    known = rows[own].notnull()
    return known.ifelse(ibis.cume_dist().over(group_by=[*peers, known], order_by=own), None)

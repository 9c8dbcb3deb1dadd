"""One morning's snapshot of every account: the families of features side by side."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline import engine, periods
from usage_pipeline.company import Company
from usage_pipeline.engine import Backend
from usage_pipeline.features import (
    activity,
    breadth,
    catalogue,
    contract,
    interest,
    milestones,
    own,
    own_figures,
    peers,
    people,
    roster,
    sight,
    support,
)
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import Facts, Seen

__all__ = ["Facts", "snapshot", "snapshots"]


def snapshot(facts: Facts, as_of: date, company: Company) -> ir.Table:
    """One row per account that was a customer on the morning: ACCOUNT_SNAPSHOT with the columns of its own metrics."""
    return _snapshot(facts, ibis.date(as_of), Meanings.of(company))


def snapshots(
    facts: Facts, mornings: Iterable[date], company: Company, backend: Backend
) -> Iterator[tuple[date, pa.Table]]:
    """The snapshot of each morning, row for row what `snapshot` gives, by one query that is compiled once.

    Compiling a hundred formulas takes several times as long as running them for a few hundred accounts.
    """
    query = _compiled(Meanings.of(company))
    schema = catalogue.of_company(catalogue.ACCOUNT_SNAPSHOT, company).schema.to_pyarrow()
    for name in sight.TABLES:
        backend.create_view(f"facts_{name}", getattr(facts, name), overwrite=True)
    for as_of in mornings:
        backend.raw_sql(f"SET VARIABLE as_of = DATE '{as_of.isoformat()}'")
        yield as_of, backend.con.execute(query).to_arrow_table().cast(schema)


_session_date = ibis.udf.scalar.builtin(
    lambda variable: None,  # noqa: ARG005
    name="getvariable",
    signature=(("string",), "date"),
)


@lru_cache
def _compiled(meanings: Meanings) -> str:
    """The query of a snapshot over tables called `facts_...`, its morning the session's variable `as_of`."""
    facts = Facts(**{name: ibis.table(table.schema, name=f"facts_{name}") for name, table in sight.TABLES.items()})
    return str(ibis.to_sql(_snapshot(facts, _session_date("as_of"), meanings), dialect="duckdb"))


def _snapshot(facts: Facts, as_of: ir.DateValue, meanings: Meanings) -> ir.Table:
    rows = described(sight.seen(facts, as_of), meanings)
    return catalogue.with_metrics(catalogue.ACCOUNT_SNAPSHOT, meanings.metrics).conform(rows.mutate(as_of=as_of))


def described(seen: Seen, meanings: Meanings) -> ir.Table:
    """What a morning sees, as features; from here on there is no date."""
    accounts = roster.roster(seen, meanings)
    rows = accounts
    for family in (
        activity.recency(seen, accounts),
        activity.activity(seen, accounts),
        activity.last_year(seen, accounts),
        people.people(seen, accounts),
        people.on_record(seen),
        breadth.breadth(seen, accounts, meanings),
        breadth.adoption(seen, accounts),
        breadth.per_person(seen, accounts),
        milestones.milestones(seen, accounts, meanings),
        *([interest.interest(seen, accounts, meanings.roles)] if meanings.roles.content else []),
        support.tickets(seen),
        support.answers(seen),
        contract.contract(seen),
    ):
        rows = _beside(rows, family)
    rows = _ratios(_silence(rows, meanings))
    if meanings.metrics:
        rows = rows.left_join(own_figures.figures(seen, accounts, meanings.metrics), "account_id").drop(
            "account_id_right"
        )
    return peers.against_peers(rows, own.ranked(meanings.metrics))


# What a person would see in no column of the catalogue, but two families need of each other.
_PASSED_ON = ("top_person_uses_28d", "person_features_28d", "uses_last_year")


def _beside(rows: ir.Table, family: ir.Table) -> ir.Table:
    named = [name for name in family.columns if name in catalogue.BY_NAME or name in _PASSED_ON]
    wanted = [name for name in named if name not in rows.columns]
    return rows.left_join(family.select("account_id", *wanted), "account_id").drop("account_id_right")


# Not to have used the product is a fact: 0, not NULL.
_COUNTS = (
    *("active_days_7d", "active_days_28d", "active_days_90d", "sessions_7d", "sessions_28d"),
    *("uses_7d", "uses_28d", "uses_90d", "uses_28d_before", "minutes_28d", "quantity_28d", "events_90d"),
    *("users_7d", "users_28d", "users_90d", "users_28d_before", "new_users_28d", "lost_users_28d"),
    *("power_users_28d", "wau_two_weeks_ago", "features_7d", "features_28d", "features_90d"),
    *("features_28d_before", "features_share_28d", "features_lost_28d", "features_new_28d"),
    *("events_before_signup", *_PASSED_ON),
)
_TICKETS = ("tickets_28d", "tickets_90d", "tickets_rise_28d", "tickets_open", "tickets_urgent_90d")


def _silence(rows: ir.Table, meanings: Meanings) -> ir.Table:
    """0 where nothing happened; NULL where the company does not say whether something did."""
    counts = list(_COUNTS)
    if "ticket" in meanings.tables:
        counts += _TICKETS
    if "user" in meanings.tables:
        counts.append("users_on_record")
    if meanings.premium_features:
        counts.append("premium_features_28d")
    if meanings.roles.content:
        counts += ("content_views_28d", "content_use_days_28d")
    rows = rows.mutate(**{name: rows[name].fill_null(0) for name in counts})
    if not meanings.premium_features:
        rows = rows.mutate(premium_features_28d=ibis.null("int64"), premium_share_28d=ibis.null("float64"))
    if not meanings.roles.content:
        rows = rows.mutate(content_views_28d=ibis.null("int64"), content_use_days_28d=ibis.null("int64"))
    first_days = rows.record_age.notnull() & rows.tenure_days.between(periods.WEEK, rows.record_age)
    rows = rows.mutate(features_first_7d=first_days.ifelse(rows.features_first_7d.fill_null(0), None))
    lived = ibis.least(rows.tenure_days, periods.MONTH)
    return rows.mutate(silent_days_28d=lived - rows.active_days_28d)


def _ratios(rows: ir.Table) -> ir.Table:
    """What needs two families at once."""
    people_28d = rows.users_28d
    return rows.mutate(
        uses_vs_last_year=engine.ratio(rows.uses_28d, rows.uses_last_year) - 1.0,
        uses_per_user_28d=engine.ratio(rows.uses_28d, people_28d),
        top_user_share_28d=(people_28d > 0).ifelse(engine.ratio(rows.top_person_uses_28d, rows.uses_28d), None),
        features_per_user_28d=engine.ratio(rows.person_features_28d, people_28d),
        value_per_use_28d=engine.ratio(rows.value_events_28d, rows.uses_28d),
        seat_use_28d=engine.ratio(people_28d, rows.seats),
        mrr_per_user_28d=engine.ratio(rows.mrr_minor, people_28d),
        users_active_share_28d=engine.ratio(people_28d, rows.users_on_record),
    )

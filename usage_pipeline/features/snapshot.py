"""Each morning's snapshot of every account: the families of features side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache, partial

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline import engine, periods
from usage_pipeline.company import Company
from usage_pipeline.engine import Backend
from usage_pipeline.engine.cluster import Cluster
from usage_pipeline.engine.holding import Hold
from usage_pipeline.features import (
    activity,
    breadth,
    catalogue,
    contract,
    interest,
    milestones,
    own,
    own_figures,
    parts,
    peers,
    people,
    roster,
    sight,
    support,
    walk,
    windows,
)
from usage_pipeline.features.meanings import Meanings
from usage_pipeline.features.sight import KEY, Facts, Parts, Seen, beside

__all__ = ["Facts", "snapshot", "snapshots"]


def snapshot(facts: Facts, as_of: date, company: Company) -> ir.Table:
    """One row per account that was a customer on the morning: ACCOUNT_SNAPSHOT with the columns of its own metrics."""
    return _snapshot(facts, as_of, Meanings.of(company))


def snapshots(
    facts: Facts, mornings: Iterable[date], company: Company, backend: Backend
) -> Iterator[tuple[date, pa.Table]]:
    """The snapshot of each morning, row for row what `snapshot` gives; several at once by queries compiled once.

    Compiling a hundred formulas takes several times as long as running them for a few hundred accounts.
    """
    meanings = Meanings.of(company)
    schema = catalogue.of_company(catalogue.ACCOUNT_SNAPSHOT, company).schema.to_pyarrow()
    if isinstance(backend, Cluster):
        hold = partial(engine.held, backend)
        # A dozen families look at each table, and a table is a file a day.
        facts = Facts(**{name: hold(f"facts_{name}", getattr(facts, name)) for name in sight.TABLES})
        for as_of in mornings:
            yield as_of, backend.to_pyarrow(_snapshot(facts, as_of, meanings, hold)).cast(schema)
        return
    for step in walk.steps(facts, list(mornings), meanings, backend):
        made = _run(step, meanings, backend).cast(schema)
        for as_of in step.mornings:
            yield as_of, made.filter(pc.field("as_of") == as_of)


def _snapshot(facts: Facts, as_of: date, meanings: Meanings, hold: Hold = engine.as_is) -> ir.Table:
    morning = ibis.date(as_of).name("as_of").as_table()
    return _conformed(described(sight.seen(parts.parts(facts, as_of, meanings), morning), meanings, hold), meanings)


def _run(step: walk.Step, meanings: Meanings, backend: Backend) -> pa.Table:
    """The rows of the mornings of a step."""
    tables = {f"parts_{name}": table for name, table in vars(step.parts).items()}
    if step.names is not None:
        tables["parts_names"] = step.names
    *stages, (_, last) = _compiled(meanings, tuple((name, table.schema()) for name, table in tables.items()))
    for name, table in tables.items():
        backend.create_view(name, table, overwrite=True)
    backend.create_table("parts_mornings", pa.table({"as_of": step.mornings}), temp=True, overwrite=True)
    for name, query in stages:
        _hold(backend, name, query)
    made: pa.Table = backend.con.execute(last).to_arrow_table()
    for name, _ in stages:
        backend.drop_table(name)
    return made


def _hold(backend: Backend, name: str, query: str) -> None:
    """The rows of a query as a table of this session."""
    backend.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {query}')


@lru_cache(maxsize=16)
def _compiled(meanings: Meanings, schemas: tuple[tuple[str, ibis.Schema], ...]) -> list[tuple[str, str]]:
    """The queries of snapshots over tables called `parts_...`, with the name of the table that each makes; the last none.

    One query of all mentions what several figures share once for each, and the engine makes it as often.
    """
    named = {name: ibis.table(schema, name=name) for name, schema in schemas}
    names = named.pop("parts_names", None)
    made = Parts(**{name.removeprefix("parts_"): table for name, table in named.items()})
    mornings = ibis.table({"as_of": "date"}, name="parts_mornings")
    queries: list[tuple[str, str]] = []

    def query(table: ir.Table) -> str:
        return str(ibis.to_sql(table, dialect="duckdb", pretty=False))

    def hold(name: str, table: ir.Table) -> ir.Table:
        queries.append((f"held_{name}", query(table)))
        return ibis.table(table.schema(), name=f"held_{name}")

    rows = described(sight.seen(made, mornings), meanings, hold)
    if names is not None:
        rows = rows.rename(number="account_id").inner_join(names, "number")
    return [*queries, ("", query(_conformed(rows, meanings)))]


def _conformed(rows: ir.Table, meanings: Meanings) -> ir.Table:
    return catalogue.with_metrics(catalogue.ACCOUNT_SNAPSHOT, meanings.metrics).conform(rows)


def described(seen: Seen, meanings: Meanings, hold: Hold = engine.as_is) -> ir.Table:
    """What mornings see, as features; from here on there is no date.

    Held is what several figures share, and what an engine plans better piece by piece than a hundred formulas at once.
    """
    seen = replace(seen, subscription=hold("terms", seen.subscription))
    accounts = hold("roster", roster.roster(seen, meanings))
    families = [
        activity.recency(seen, accounts),
        activity.activity(seen, accounts),
        activity.year(seen, accounts),
        people.people(seen, accounts, hold),
        people.ever(seen, accounts),
        people.on_record(seen),
        breadth.breadth(seen, accounts),
        breadth.adoption(seen, accounts),
        breadth.per_person(seen, accounts),
        milestones.milestones(seen, accounts, meanings),
        *([interest.interest(seen, accounts)] if meanings.roles.content else []),
        support.tickets(seen),
        support.answers(seen),
        contract.contract(seen),
    ]
    taken = set(accounts.columns)
    for number, family in enumerate(families):
        named = [name for name in family.columns if name in catalogue.BY_NAME or name in _PASSED_ON]
        families[number] = family.select(*KEY, *(name for name in named if name not in taken))
        taken.update(named)
    rows = beside(accounts, *(hold(f"family_{number}", family) for number, family in enumerate(families)))
    rows = _ratios(_silence(rows, meanings))
    if meanings.metrics:
        rows = beside(rows, hold("own_figures", own_figures.figures(seen, accounts, meanings.metrics)))
    return peers.against_peers(hold("described", rows), own.ranked(meanings.metrics))


# What a person would see in no column of the catalogue, but two families need of each other.
_PASSED_ON = ("top_person_uses_28d", "person_features_28d", "uses_last_year")


# Not to have used the product is a fact: 0, not NULL.
_COUNTS = (
    *("active_days_7d", "active_days_28d", "active_days_90d", "sessions_7d", "sessions_28d"),
    *("uses_182d", "uses_364d", "active_weeks_182d", "active_weeks_364d", "users_ever"),
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
        uses_vs_year=windows.only_after(
            engine.ratio(rows.uses_28d * (364 // periods.MONTH), rows.uses_364d), lived=rows.tenure_days, days=364
        ),
        dormant_users=rows.users_ever - rows.users_90d,
        uses_vs_last_year=engine.ratio(rows.uses_28d, rows.uses_last_year) - 1.0,
        uses_per_user_28d=engine.ratio(rows.uses_28d, people_28d),
        top_user_share_28d=(people_28d > 0).ifelse(engine.ratio(rows.top_person_uses_28d, rows.uses_28d), None),
        features_per_user_28d=engine.ratio(rows.person_features_28d, people_28d),
        value_per_use_28d=engine.ratio(rows.value_events_28d, rows.uses_28d),
        seat_use_28d=engine.ratio(people_28d, rows.seats),
        mrr_per_user_28d=engine.ratio(rows.mrr_minor, people_28d),
        users_active_share_28d=engine.ratio(people_28d, rows.users_on_record),
    )

"""A small product with random customers, as the raw rows that everything is made of."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from usage_pipeline.company import Company, Events, Metric, Roles
from usage_pipeline.engine import Backend
from usage_pipeline.events.catalogue import EVENT
from usage_pipeline.features.sight import TABLES, Facts
from usage_pipeline.lake import Table
from usage_pipeline.usage import catalogue, metrics, rollups

START = date(2026, 1, 5)
DAYS = 150
COMPANY = Company(
    company="random",
    events=(Events(format="segment"),),
    tables=dict.fromkeys(("account", "user", "subscription", "ticket", "survey"), "select"),
    roles=Roles(
        activation=("shared",),
        value=("exported", "shared"),
        invite=("invited",),
        integration_added=("connected",),
        integration_removed=("disconnected",),
        login=("login",),
        workflows=(("invited", "exported"), ("connected", "shared")),
        content=("pricing",),
    ),
    premium_features=("f3", "f4"),
)
PDF = Metric.Where(name="exported", properties={"format": "pdf"})
OWN = COMPANY.model_copy(
    update={
        "metrics": {
            "pdfs": Metric(kind="count", where=PDF, meaning="Reports exported as PDF"),
            "pages": Metric(kind="sum", of="property.size.pages", window_days=7, meaning="Pages in reports"),
            "exporters": Metric(kind="distinct", of="user", where=PDF, window_days=14, meaning="People who export"),
            "formats": Metric(kind="distinct", of="property.format", meaning="Formats in use"),
            "pdfs_each": Metric(
                kind="ratio", where=PDF, over="exporters", meaning="Reports exported as PDF per person"
            ),
            "effort": Metric(kind="sum", of="duration", meaning="Time in the product"),
            "drift": Metric(kind="trend", of="quantity", meaning="Amount handled"),
        }
    }
)
"""The same company with metrics of its own, one of every kind."""

# What an event says of an export: a number may be text, and some text is none.
PRINTED = (("pdf", 3), ("pdf", '"2.5"'), ("csv", 0.1), ("csv", '"many"'))

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Product:
    """Rows of the events and of each table of `sources`."""

    event: Rows
    account: Rows
    user: Rows
    subscription: Rows
    ticket: Rows
    survey: Rows


def product(seed: int, *, accounts: int = 14, last_year: bool = False) -> Product:
    """Accounts of every kind: old, young, silent, narrow, without a sign-up, without a row.

    `last_year`: of the old ones, use a year ago is on record as well.
    """
    dice = random.Random(seed)
    made = Product([], [], [], [], [], [])
    for number in range(accounts):
        _account(dice, f"a{number}", number, made)
    if last_year:
        begun = datetime.combine(START - timedelta(days=399), time())
        for account_id in [
            row["account_id"] for row in made.account if row["created_at"] and row["created_at"] < begun
        ]:
            for _ in range(dice.randrange(90)):
                row = _event_row(dice, account_id, [f"{account_id}u0"], START, 2, len(made.event))
                shift = timedelta(days=dice.randrange(200, 395))
                times = ("ts", "received_at", "landed_at", "known_at", "known_day")
                made.event.append(row | {name: row[name] - shift for name in times})
    return made


def table(of: Table, rows: Rows) -> ibis.Table:
    """The rows as an Ibis table with the catalogue's types; a column that is not stated is NULL."""
    schema = of.schema.to_pyarrow()
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema), schema=of.schema)


def facts(made: Product, backend: Backend, company: Company = COMPANY) -> Facts:
    """The rollups and tables that features are made of."""

    def kept(of: Table, rows: ibis.Table) -> ibis.Table:
        return ibis.memtable(backend.to_pyarrow(rows), schema=of.schema)

    account = table(TABLES["account"], made.account)
    events = table(EVENT, made.event)
    wanted = metrics.definitions(company.metrics)
    parts = kept(catalogue.USER_FEATURE_DAY, rollups.user_feature_day(events, rollups.zones(account)))
    people = kept(catalogue.USER_DAY, rollups.user_day(parts, catalogue.USER_DAY.empty()))
    usage = {
        "user_feature_day": parts,
        "user_day": people,
        "feature_day": rollups.feature_day(parts, catalogue.FEATURE_DAY.empty()),
        "event_day": rollups.event_day(events),
        "account_day": rollups.account_day(parts, people),
        "first_use": rollups.first_use(parts, catalogue.FIRST_USE.empty()),
        "last_use": rollups.last_use(parts, catalogue.LAST_USE.empty()),
        "metric_day": metrics.metric_day(metrics.looked_at(events, wanted, rollups.USED), wanted),
    }
    others = {name: table(TABLES[name], getattr(made, name)) for name in TABLES if name not in usage}
    return Facts(**{name: kept(TABLES[name], rows) for name, rows in usage.items()}, **others)


def _moment(dice: random.Random, day: date) -> datetime:
    return datetime.combine(day, time(dice.randrange(24), dice.randrange(60), dice.randrange(60)))


def _account(dice: random.Random, account_id: str, number: int, made: Product) -> None:
    signup = START + timedelta(days=dice.choice([-400, -20, 3, 20, 60, 110, 135, 149]))
    if number % 7 != 6:
        made.account.append(_account_row(dice, account_id, None if number % 7 == 5 else _moment(dice, signup)))
    if number % 7 == 6 and dice.random() < 0.5:
        return
    until = dice.choice([DAYS + 5, DAYS + 5, DAYS + 5, dice.randrange(20, DAYS)])
    people = [f"{account_id}u{n}" for n in range(dice.randrange(1, 5))]
    made.user.extend(_user_row(dice, account_id, person, signup) for person in [*people, f"{account_id}idle"])
    for _ in range(dice.choice([0, 5, 60, 250])):
        made.event.append(_event_row(dice, account_id, people, signup, until, len(made.event)))
    for nth in range(dice.choice([0, 1, 1, 2])):
        made.subscription.extend(_subscription_rows(dice, account_id, f"{account_id}s{nth}", signup))
    for nth in range(dice.randrange(6)):
        made.ticket.extend(_told_again(dice, _ticket_row(dice, account_id, f"{account_id}t{nth}")))
        made.survey.extend(_told_again(dice, _survey_row(dice, account_id, f"{account_id}r{nth}")))


def _account_row(dice: random.Random, account_id: str, created: datetime | None) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "name": account_id.upper(),
        "industry": dice.choice(["Retail", "Energy", None]),
        "employees": dice.choice([5, 50, 300, 9000, None]),
        "time_zone": dice.choice(
            ["America/New_York", "Asia/Kolkata", "Europe/Berlin", "Nowhere/At_all", "-03:30", None]
        ),
        "owner_email": "owner@example.com",
        "created_at": created,
        "valid_from": created,
        "known_at": created or datetime.combine(START, time(1)),
    }


def _user_row(dice: random.Random, account_id: str, user_id: str, signup: date) -> dict[str, Any]:
    known = _moment(dice, signup + timedelta(days=dice.randrange(100)))
    return {"user_id": user_id, "account_id": account_id, "valid_from": known, "known_at": known}


def _event_row(
    dice: random.Random, account_id: str, people: list[str], signup: date, until: int, number: int
) -> dict[str, Any]:
    # Some lie before the sign-up, and a good part comes late.
    earliest = max(0, (signup - START).days - dice.choice([0, 0, 0, 30]))
    ts = _moment(dice, START + timedelta(days=dice.randrange(earliest, max(earliest + 1, until))))
    late = timedelta(days=dice.choice([0, 0, 0, 0, 1, 6, 40]), minutes=dice.randrange(3))
    name = dice.choice(
        [
            "login",
            "used",
            "used",
            "used",
            "used",
            "shared",
            "exported",
            "invited",
            "connected",
            "disconnected",
            "pricing",
        ]
    )
    return {
        "event_id": f"e{number}",
        "ts": ts,
        "received_at": ts + late,
        "landed_at": ts + late,
        "known_at": ts + late,
        "known_day": (ts + late).date(),
        "account_id": account_id,
        "user_id": dice.choice([*people, None]) if number % 9 == 0 else dice.choice(people),
        "name": name,
        "feature": f"f{dice.randrange(6)}" if name == "used" else None,
        "quantity": Decimal(dice.randrange(5)),
        "duration_ms": dice.choice([None, 30_000, 90_500]),
        "session_id": dice.choice([None, None, f"{account_id}-{dice.randrange(60)}"]),
        "properties": dice.choice([None, *(f'{{"format": "{f}", "size": {{"pages": {n}}}}}' for f, n in PRINTED)]),
        "content_hash": f"h{number}",
        "batch": "b",
        "line": number + 1,
    }


def _subscription_rows(dice: random.Random, account_id: str, subscription_id: str, signup: date) -> Rows:
    first = signup + timedelta(days=dice.randrange(3))
    rows = []
    for _ in range(dice.randrange(1, 4)):
        valid = _moment(dice, first)
        rows.append(
            {
                "subscription_id": subscription_id,
                "account_id": account_id,
                "status": dice.choice(["active", "active", "active", "trial", "cancelled"]),
                "plan_rank": dice.randrange(3),
                "seats": dice.choice([None, 1, 5, 20]),
                "mrr_minor": dice.choice([None, 0, 10_000, 55_500]),
                "term_months": dice.choice([1, 12]),
                "renews_on": dice.choice([None, first + timedelta(days=365), first + timedelta(days=190)]),
                "auto_renew": dice.choice([None, True, False]),
                "valid_from": valid,
                "known_at": valid + timedelta(days=dice.choice([0, 0, 9])),
            }
        )
        first += timedelta(days=dice.randrange(1, 120))
    return rows


def _ticket_row(dice: random.Random, account_id: str, ticket_id: str) -> dict[str, Any]:
    opened = _moment(dice, START + timedelta(days=dice.randrange(DAYS)))
    closed = opened + timedelta(days=dice.randrange(20)) if dice.random() < 0.7 else None
    return {
        "ticket_id": ticket_id,
        "account_id": account_id,
        "opened_at": opened,
        "closed_at": closed,
        "priority": dice.choice(["low", "normal", "high", "urgent"]),
        "satisfaction": dice.choice([None, 1, 3, 5]) if closed else None,
        "known_at": opened,
    }


def _told_again(dice: random.Random, row: dict[str, Any]) -> Rows:
    """What is said of it, and sometimes something else later."""
    told = [row]
    while dice.random() < 0.4:
        later = {"known_at": told[-1]["known_at"] + timedelta(days=dice.randrange(1, 40))}
        if "closed_at" in row:
            later |= {"priority": dice.choice(["low", "urgent"]), "satisfaction": dice.choice([None, 1, 5])}
            later |= {"closed_at": dice.choice([None, row["opened_at"] + timedelta(days=dice.randrange(30))])}
        else:
            later |= {"score": dice.choice([None, 2, 4])}
        told.append(told[-1] | later)
    return told


def _survey_row(dice: random.Random, account_id: str, response_id: str) -> dict[str, Any]:
    answered = _moment(dice, START + timedelta(days=dice.randrange(-300, DAYS)))
    return {
        "response_id": response_id,
        "account_id": account_id,
        "kind": dice.choice(["nps", "nps", "csat"]),
        "score": dice.choice([None, 1, 3, 5]),
        "answered_at": answered,
        "known_at": answered + timedelta(days=dice.choice([0, 3])),
    }

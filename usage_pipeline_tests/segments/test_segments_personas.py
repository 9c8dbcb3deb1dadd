"""The decision table of the personas, and what a morning knows of a person."""

import random
from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import ibis
import pyarrow as pa
import pytest

from usage_pipeline.crm import contract
from usage_pipeline.lake import Table
from usage_pipeline.segments import catalogue, personas
from usage_pipeline.segments.personas import Facts
from usage_pipeline.usage import rollups

AS_OF = date(2026, 5, 4)
LONG_AGO = 300
PERSON = ("acme", "ann")
Rows = list[dict[str, Any]]


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def use(*days_ago: int, known: int | None = None, user: str = "ann", account: str = "acme", **more: Any) -> Rows:
    """One event with a feature on each of these days; known on the day, or `known` days before the morning."""
    return [
        {
            "account_id": account,
            "user_id": user,
            "feature": "board",
            "day": ago(days),
            "known_day": ago(days if known is None else known),
            "events": 1,
            "sessions": 1,
            "duration_ms": 0,
        }
        | more
        for days in days_ago
    ]


def member(user: str = "ann", account: str = "acme", *, since: int = LONG_AGO) -> dict[str, Any]:
    """A person on record since the noon of that day."""
    noon = datetime.combine(ago(since), datetime.min.time()) + timedelta(hours=12)
    return {"user_id": user, "account_id": account, "valid_from": noon, "known_at": noon}


def table(of: Table, rows: Iterable[dict[str, Any]]) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist(list(rows), schema=of.schema.to_pyarrow()), schema=of.schema)


def facts(used: Rows, members: Rows) -> Facts:
    """As the stages before make them: the rollups' own formulas over parts of days."""
    parts = table(personas.TABLES["user_feature_day"], used)
    empty = {name: kept.empty() for name, kept in personas.TABLES.items()}
    return Facts(
        user_day=rollups.user_day(parts, empty["user_day"]),
        user_feature_day=parts,
        first_use=rollups.first_use(parts, empty["first_use"]),
        user=table(personas.TABLES["user"], members),
    )


def people(
    *used: Rows, members: Rows | None = None, customers: tuple[str, ...] = ("acme", "other"), as_of: date = AS_OF
) -> dict[tuple[str, str], dict[str, Any]]:
    """The morning's row of each person in each account."""
    accounts = ibis.memtable({"account_id": list(customers)})
    known = facts([row for rows in used for row in rows], members or [])
    rows = personas.personas(known, accounts, as_of).to_pyarrow().to_pylist()
    found = {(row["account_id"], row["user_id"]): row for row in rows}
    assert len(found) == len(rows), "a person is twice in an account"
    return found


def persona_of(*used: Rows) -> str:
    return people(*used)[PERSON]["persona"]


@pytest.mark.parametrize(
    ("first", "persona"), [(1, "New"), (14, "New"), (15, "Stuck-New"), (28, "Stuck-New"), (29, "Dormant")]
)
def test_a_first_day_of_use_is_new_for_two_weeks_then_stuck_for_two_more(first, persona):
    assert persona_of(use(first)) == persona


def test_whoever_came_back_a_third_day_is_not_stuck():
    assert persona_of(use(20, 10)) == "Stuck-New"
    assert persona_of(use(20, 10, 3)) == "Occasional"


def test_a_new_person_is_new_however_much_they_use():
    assert persona_of(*(use(*range(1, 15), feature=feature) for feature in ("board", "chart", "export"))) == "New"


@pytest.mark.parametrize(
    ("days", "features", "persona"),
    [
        (12, 3, "Power"),
        (12, 2, "Specialist"),
        (11, 3, "Regular"),
        (4, 3, "Regular"),
        (3, 3, "Occasional"),
        (1, 1, "Occasional"),
        (0, 0, "Dormant"),
    ],
)
def test_days_of_use_and_features_tell_the_others_apart(days, features, persona):
    used = [use(*range(1, days + 1), feature=f"f{n}") for n in range(features)]
    row = people(use(100), *used)[PERSON]
    assert (row["persona"], row["active_days_28d"], row["features_28d"]) == (persona, days, features)


def test_the_twenty_eighth_day_before_the_morning_counts_and_the_one_before_it_does_not():
    assert people(use(LONG_AGO, 28))[PERSON]["active_days_28d"] == 1
    row = people(use(LONG_AGO, 29))[PERSON]
    assert (row["active_days_28d"], row["persona"], row["last_used_on"]) == (0, "Dormant", ago(29))


def test_a_login_is_a_day_of_use_and_no_feature():
    row = people(use(LONG_AGO, 1, 2, feature=None))[PERSON]
    assert (row["active_days_28d"], row["features_28d"], row["persona"]) == (2, 0, "Occasional")


def test_a_day_that_became_known_in_two_parts_is_one_day():
    row = people(use(LONG_AGO), use(9), use(9, known=5), use(9, known=2, feature="chart"))[PERSON]
    assert (row["active_days_28d"], row["features_28d"]) == (1, 2)


def test_a_feature_of_an_older_day_that_became_known_lately_is_not_of_the_last_four_weeks():
    row = people(use(LONG_AGO, 3), use(29, known=3, feature="export"))[PERSON]
    assert (row["active_days_28d"], row["features_28d"], row["last_used_on"]) == (1, 1, ago(3))


def test_a_new_feature_makes_nobody_new():
    row = people(use(LONG_AGO, 40, 3), use(3, feature="export"))[PERSON]
    assert (row["persona"], row["first_used_on"]) == ("Occasional", ago(LONG_AGO))


def test_someone_on_record_who_never_came_is_dormant_without_a_day():
    row = people(members=[member()])[PERSON]
    assert (row["persona"], row["first_used_on"], row["last_used_on"]) == ("Dormant", None, None)
    assert row["persona_rule"] == "known to belong to the account, but never used it"
    assert people(use(60), members=[member()])[PERSON]["persona_rule"] == "used before, but not in the last 28 days"


def test_use_from_before_the_window_is_remembered_as_the_first_only():
    row = people(use(LONG_AGO), members=[member()])[PERSON]
    assert (row["persona"], row["first_used_on"], row["last_used_on"]) == ("Dormant", ago(LONG_AGO), None)


def test_the_window_ends_where_the_read_does():
    edge = personas.WINDOW
    assert people(use(edge))[PERSON]["last_used_on"] == ago(edge)
    assert people(use(edge + 1)) == {}
    assert personas.needed(AS_OF, AS_OF)["user_day"] == (ago(edge), ago(1))


def test_a_person_in_two_accounts_has_a_persona_in_each():
    power = [use(*range(1, 29), feature=feature) for feature in ("board", "chart", "export")]
    found = people(use(LONG_AGO), *power, use(5, account="other"), members=[member()])
    assert {key: row["persona"] for key, row in found.items()} == {PERSON: "Power", ("other", "ann"): "New"}


def test_whoever_moved_is_on_record_where_they_are_now():
    members = [member(account="acme"), member(account="other", since=50)]
    assert set(people(members=members)) == {("other", "ann")}
    assert set(people(members=members, as_of=ago(50))) == {("acme", "ann")}
    assert set(people(use(60), members=members)) == {PERSON, ("other", "ann")}


def test_the_record_of_an_account_that_is_no_customer_makes_no_rows_but_its_use_does():
    gone = [member("ann", "gone"), member("bob", "gone")]
    assert set(people(use(40, account="gone"), members=gone)) == {("gone", "ann")}


def test_events_without_a_person_are_nobody():
    assert people(use(1, 2, user=None)) == {}


def test_an_event_known_on_the_morning_or_later_does_not_change_it():
    late = [use(5, known=0), use(40, known=-3), use(3, known=0, feature="chart"), use(2, known=0, user="bob")]
    known = use(20)
    assert people(known, *late, members=[member("eve", since=0)]) == people(known)
    assert people(known, *late)[PERSON]["persona"] == "Stuck-New"
    assert people(known, *late, as_of=AS_OF + timedelta(days=4))[PERSON]["persona"] == "Occasional"


@pytest.mark.parametrize("seed", range(3))
def test_a_morning_is_the_same_whatever_is_known_after_it_and_however_much_is_read(seed):
    dice = random.Random(seed)
    used = [
        row
        for _ in range(150)
        for day in [dice.choice([dice.randrange(1, 30), dice.randrange(1, 200)])]
        for row in use(
            day,
            known=day - dice.choice([0, 0, 0, 1, 30]),
            user=dice.choice("abcdef"),
            account=dice.choice(["acme", "other"]),
            feature=dice.choice([None, "board", "chart", "export"]),
        )
    ]
    members = [member(user, dice.choice(["acme", "other"]), since=dice.randrange(-9, 200)) for user in "abcdefgh"]
    past = ago(7)
    by_then = [row for row in used if row["known_day"] < past]
    said_by_then = [row for row in members if row["known_at"].date() < past]
    assert people(used, members=members, as_of=past) == people(by_then, members=said_by_then, as_of=past)
    spans = personas.needed(past, past)
    whole = facts(used, members)
    cut = Facts(
        **{
            name: getattr(whole, name).filter(ibis._.known_day.between(max(spans[name][0], date(2020, 1, 1)), past))
            if name in spans
            else getattr(whole, name)
            for name in (field.name for field in fields(Facts))
        }
    )
    accounts = ibis.memtable({"account_id": ["acme", "other"]})
    rows = personas.personas(cut, accounts, past).to_pyarrow().to_pylist()
    assert {(row["account_id"], row["user_id"]): row for row in rows} == people(used, members=members, as_of=past)


def test_every_row_of_the_table_is_met_and_tells_its_sentence():
    used = [
        use(first, *range(1, days + 1), user=f"{first} {days} {features}", feature=f"f{n}")
        for first, days, features in product((100, 20, 5), (0, 1, 2, 4, 12), (1, 3))
        for n in range(features)
    ]
    rows = people(*used, members=[member("never")]).values()
    told = {row.sentence: row.name.value for row in personas.TABLE}
    assert {row["persona_rule"] for row in rows} == set(told)
    assert all(told[row["persona_rule"]] == row["persona"] for row in rows)
    assert {row["persona"] for row in rows} == {persona.value for persona in personas.Persona}


def test_the_printed_table_has_every_row_of_the_running_one():
    printed = personas.markdown()
    assert all(row.sentence in printed and row.name.value in printed for row in personas.TABLE)


def test_a_crm_field_has_an_option_for_every_persona():
    assert set(contract.PERSONAS) == {persona.value for persona in personas.Persona}


def test_personas_give_the_columns_of_their_catalogue():
    rows = personas.personas(facts(use(1), []), ibis.memtable({"account_id": ["acme"]}), AS_OF)
    assert rows.schema() == catalogue.USER_PERSONA.schema

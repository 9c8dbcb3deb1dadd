"""What happened next, told by each kind of source; unknown is not no."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from usage_pipeline.company import Company, Kind, Outcome
from usage_pipeline.errors import Rejected
from usage_pipeline.labels import mornings, outcomes
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage

MORNING = date(2025, 3, 3)
MUCH_LATER = date(2026, 6, 1)
CHURN = Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=90)
EXPANSION = Outcome(kind=Kind.EXPANSION, source="subscriptions", horizon_days=90)
SILENT = Outcome(kind=Kind.CHURN, source="silence", horizon_days=28, silence_days=60)


def rows(table, *given):
    """Rows of a catalogue table; columns not named are NULL."""
    schema = table.schema.to_pyarrow()
    return ibis.memtable(
        pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in given], schema=schema)
    )


def facts(**tables):
    nothing = outcomes.Facts(
        subscription=sources.SUBSCRIPTION.empty(),
        milestone=sources.MILESTONE.empty(),
        label=sources.LABEL.empty(),
        account=sources.ACCOUNT.empty(),
        account_day=usage.ACCOUNT_DAY.empty(),
    )
    return replace(nothing, **tables)


def terms(day, *, known=None, subscription="s1", **changed):
    """Terms of a subscription from `day` on: active, plan 1, ten seats, 1,000.00 a month."""
    usual = {"status": "active", "plan_rank": 1, "seats": 10, "mrr_minor": 100_000}
    since = datetime.combine(day, datetime.min.time()) + timedelta(hours=9)
    known_at = since if known is None else datetime.combine(known, datetime.min.time())
    return (
        {"subscription_id": subscription, "account_id": "acme", "valid_from": since, "known_at": known_at}
        | usual
        | changed
    )


def subscribed(*history):
    return facts(subscription=rows(sources.SUBSCRIPTION, terms(date(2024, 1, 10)), *history))


def label(outcome, given, *, on=MORNING, known_before=MUCH_LATER):
    """The one row of the morning, or None where nobody was at risk."""
    found = outcomes.label("it", outcome, [on], given, known_before=known_before).to_pyarrow().to_pylist()
    assert len(found) <= 1
    return found[0] if found else None


def happened(outcome, given, **when):
    return label(outcome, given, **when)["happened"]


def test_a_cancellation_within_the_horizon_is_churn_on_its_day():
    row = label(CHURN, subscribed(terms(date(2025, 4, 1), status="cancelled")))
    assert row["happened"] is True
    assert row["happened_on"] == date(2025, 4, 1)


def test_a_cancellation_after_the_horizon_is_not_churn():
    assert happened(CHURN, subscribed(terms(MORNING + timedelta(days=90), status="cancelled"))) is False


@pytest.mark.parametrize(
    ("change", "is_churn"),
    [
        ({"seats": 8, "mrr_minor": 80_000}, True),
        ({"plan_rank": 0, "mrr_minor": 60_000}, True),
        ({"seats": 9, "mrr_minor": 95_000}, False),  # one seat, less than a tenth
        ({"mrr_minor": 70_000}, False),  # a discount for the same seats and plan
        ({"seats": 5}, False),  # fewer seats for the same money
    ],
)
def test_a_downgrade_is_a_tenth_less_money_for_fewer_seats_or_a_lower_plan(change, is_churn):
    assert happened(CHURN, subscribed(terms(date(2025, 4, 1), **change))) is is_churn


@pytest.mark.parametrize(
    ("change", "is_expansion"),
    [
        ({"seats": 12, "mrr_minor": 120_000}, True),
        ({"plan_rank": 2, "mrr_minor": 100_000}, True),
        ({"mrr_minor": 115_000}, True),  # an add-on
        ({"mrr_minor": 104_000}, False),  # an indexed price
        ({"seats": 12, "plan_rank": 0, "mrr_minor": 70_000}, False),
        ({"status": "cancelled", "seats": 50}, False),
    ],
)
def test_expansion_is_more_seats_a_higher_plan_or_more_money(change, is_expansion):
    assert happened(EXPANSION, subscribed(terms(date(2025, 4, 1), **change))) is is_expansion


def test_a_subscription_replaced_on_the_same_day_is_no_churn():
    history = [terms(date(2025, 4, 1), status="cancelled"), terms(date(2025, 4, 1), subscription="s2")]
    assert happened(CHURN, subscribed(*history)) is False


def test_growing_and_shrinking_back_to_the_terms_of_the_morning_is_no_churn():
    history = [terms(date(2025, 3, 20), seats=20, mrr_minor=200_000), terms(date(2025, 5, 1))]
    assert happened(CHURN, subscribed(*history)) is False


def test_a_trial_a_free_plan_and_a_cancelled_account_are_not_at_risk():
    for state in ({"status": "trial"}, {"mrr_minor": 0}, {"status": "cancelled"}):
        assert label(CHURN, subscribed(terms(date(2025, 1, 5), **state))) is None


def test_a_cancellation_that_became_known_after_the_morning_lay_ahead_of_it():
    given = subscribed(terms(date(2025, 2, 20), known=date(2025, 3, 10), status="cancelled"))
    assert happened(CHURN, given) is True


def test_unknown_is_not_no_and_yes_is_not_known_before_no():
    churned, stayed = subscribed(terms(date(2025, 3, 5), status="cancelled")), subscribed()
    stated = MORNING + timedelta(days=90)
    for given in (churned, stayed):
        assert label(CHURN, given)["known_at"] == datetime.combine(stated, datetime.min.time())
        assert happened(CHURN, given, known_before=stated - timedelta(days=1)) is None
        assert happened(CHURN, given, known_before=stated) is not None


def test_a_fact_that_came_late_changes_no_label_that_could_not_know_it():
    came = date(2025, 9, 1)
    given = subscribed(terms(date(2025, 4, 1), known=came, status="cancelled"))
    assert happened(CHURN, given, known_before=date(2025, 8, 1)) is False
    row = label(CHURN, given)
    assert row["happened"] is True
    assert row["known_at"] == datetime.combine(came, datetime.min.time())


def milestone(day, kind="churn", known=None):
    at = datetime.combine(day, datetime.min.time())
    return {
        "account_id": "acme",
        "kind": kind,
        "happened_at": at,
        "known_at": datetime.combine(known or day, datetime.min.time()),
    }


def signed_up(*past):
    joined = datetime(2024, 6, 1)
    account = {"account_id": "acme", "created_at": joined, "valid_from": joined, "known_at": joined}
    return facts(account=rows(sources.ACCOUNT, account), milestone=rows(sources.MILESTONE, *past))


def test_a_milestone_in_the_horizon_happened_and_ends_the_risk_of_everything():
    by_milestone = Outcome(kind=Kind.CHURN, source="milestones", horizon_days=30)
    more = Outcome(kind=Kind.EXPANSION, source="milestones", horizon_days=30)
    gone = signed_up(milestone(date(2025, 3, 10)))
    assert happened(by_milestone, gone) is True
    assert happened(by_milestone, gone, on=date(2025, 1, 6)) is False
    assert label(by_milestone, gone, on=date(2025, 3, 17)) is None
    assert label(more, gone, on=date(2025, 3, 17)) is None
    assert label(by_milestone, gone, on=date(2024, 5, 27)) is None  # before the sign-up


def test_an_expansion_does_not_end_the_risk_of_the_next():
    more = Outcome(kind=Kind.EXPANSION, source="milestones", horizon_days=30, milestone="seats_bought")
    given = signed_up(milestone(date(2025, 1, 10), "seats_bought"), milestone(date(2025, 3, 10), "seats_bought"))
    assert happened(more, given) is True


def used(*days):
    return facts(
        account_day=rows(usage.ACCOUNT_DAY, *({"account_id": "acme", "day": day, "known_day": day} for day in days))
    )


def test_churn_by_silence_is_the_last_event_before_the_pause():
    in_horizon = used(date(2025, 2, 27), date(2025, 3, 12))
    row = label(SILENT, in_horizon)
    assert (row["happened"], row["happened_on"]) == (True, date(2025, 3, 12))
    assert row["known_at"] == datetime(2025, 3, 3) + timedelta(days=88)
    came_back = used(date(2025, 2, 27), date(2025, 3, 12), date(2025, 5, 11))
    assert happened(SILENT, came_back) is False  # sixty days later: fifty-nine silent ones
    assert happened(SILENT, used(date(2025, 2, 27), date(2025, 3, 12), date(2025, 5, 12))) is True


def test_an_account_silent_for_a_month_is_no_longer_at_risk_of_falling_silent():
    assert label(SILENT, used(date(2025, 2, 2))) is None
    assert label(SILENT, used(date(2025, 2, 3))) is not None


def test_silence_tells_churn_alone_and_needs_silent_days():
    with pytest.raises(Rejected, match="silence"):
        label(Outcome(kind=Kind.EXPANSION, source="silence", horizon_days=28, silence_days=60), used(MORNING))


def test_the_rows_of_a_labels_file_are_the_accounts_at_risk():
    stated = rows(
        sources.LABEL,
        {"account_id": "acme", "as_of": MORNING, "outcome": "it", "happened": True},
        {"account_id": "other", "as_of": MORNING, "outcome": "something else", "happened": True},
    )
    by_file = Outcome(kind=Kind.CHURN, source="labels", horizon_days=84, silence_days=182)
    given = facts(label=stated)
    assert label(by_file, given)["happened"] is True
    assert label(by_file, given)["known_at"] == datetime(2025, 3, 3) + timedelta(weeks=38)
    assert happened(by_file, given, known_before=date(2025, 11, 23)) is None


def test_mornings_are_mondays_or_those_of_the_labels_file():
    stated = rows(
        sources.LABEL, {"account_id": "acme", "as_of": date(2025, 3, 5), "outcome": "from_file", "happened": True}
    )
    by_file = Outcome(kind=Kind.CHURN, source="labels", horizon_days=84)
    first, last = date(2025, 3, 1), date(2025, 3, 11)
    assert mornings.mornings_for("from_file", by_file, first, last, stated) == [date(2025, 3, 5)]
    assert mornings.mornings_for("churn", CHURN, first, last, stated) == [date(2025, 3, 3), date(2025, 3, 10)]
    company = Company(company="acme", events=(), outcomes={"from_file": by_file, "churn": CHURN})
    both = mornings.training_mornings(company, first, last, stated)
    assert both == [date(2025, 3, 3), date(2025, 3, 5), date(2025, 3, 10)]


def test_no_morning_gives_no_row_and_every_row_has_the_columns_of_the_catalogue():
    assert outcomes.label("it", CHURN, [], facts(), known_before=MUCH_LATER).count().execute() == 0
    from usage_pipeline.labels.catalogue import OUTCOME

    found = outcomes.label("it", CHURN, [MORNING], subscribed(), known_before=MUCH_LATER)
    assert found.schema() == OUTCOME.schema

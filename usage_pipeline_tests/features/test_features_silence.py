"""0 says that nothing happened, NULL that it cannot be said."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from random_product import COMPANY, Product, facts

from usage_pipeline.company import Roles
from usage_pipeline.features import catalogue, snapshot

AS_OF = date(2026, 5, 4)
# A product of which nothing but its events is known.
BARE = COMPANY.model_copy(update={"tables": {}, "roles": Roles(), "premium_features": ()})


def ago(days: int, hour: int = 10) -> datetime:
    return datetime.combine(AS_OF - timedelta(days=days), datetime.min.time()) + timedelta(hours=hour)


def nothing() -> Product:
    return Product([], [], [], [], [], [])


def customer(
    made: Product, account_id: str, *, signed_up: int, uses: dict[int, str] | None = None, **terms: Any
) -> None:
    """An account with an active subscription; `uses`: days ago, and the feature used then by ann."""
    since = ago(signed_up, 1)
    said = {"account_id": account_id, "valid_from": since, "known_at": since}
    made.account.append(said | {"created_at": since, "name": account_id})
    made.subscription.append(
        said | {"subscription_id": f"{account_id}-s", "status": "active", "seats": 5, "mrr_minor": 10_000} | terms
    )
    for days, feature in (uses or {}).items():
        made.event.append(used(account_id, days, feature))


def used(account_id: str, days: int, feature: str = "board", **more: Any) -> dict[str, Any]:
    at = ago(days)
    row = {"event_id": f"{account_id}{days}{feature}{more}", "content_hash": "", "ts": at, "known_at": at}
    row |= {"known_day": at.date(), "account_id": account_id, "user_id": "ann", "name": "used", "feature": feature}
    return row | more


@pytest.fixture
def on_the_morning(backend):
    def rows(made: Product, company=COMPANY, as_of: date = AS_OF) -> dict[str, dict]:
        [(_, found)] = snapshot.snapshots(facts(made, backend), [as_of], company, backend)
        return {row["account_id"]: row for row in found.to_pylist()}

    return rows


def test_an_account_that_stopped_has_fallen_by_all_it_had(on_the_morning):
    made = nothing()
    customer(made, "acme", signed_up=300, uses={40: "board", 50: "chart"})
    row = on_the_morning(made)["acme"]
    assert (row["uses_28d"], row["uses_28d_before"], row["uses_change_28d"]) == (0, 2, -1.0)
    assert (row["users_change_28d"], row["lost_users_28d"], row["features_lost_28d"]) == (-1.0, 1, 2)
    assert (row["days_since_last_use"], row["silent_days_28d"]) == (40, 28)
    assert (row["dau_mau_28d"], row["top_user_share_28d"], row["minutes_per_session_28d"]) == (None, None, None)


def test_an_account_too_young_for_an_earlier_period_has_no_change(on_the_morning):
    made = nothing()
    customer(made, "young", signed_up=40, uses={2: "board", 35: "board"})
    row = on_the_morning(made)["young"]
    assert (row["uses_28d"], row["uses_28d_before"]) == (1, 1)
    for name in ("uses_change_28d", "users_change_28d", "sessions_change_28d", "features_change_28d", "uses_slope_90d"):
        assert row[name] is None, name
    assert row["wau_change_2w"] is None
    assert row["wau_two_weeks_ago"] == 0


def test_a_customer_that_never_used_anything_is_there_with_zeros(on_the_morning):
    made = nothing()
    customer(made, "shelf", signed_up=10)
    customer(made, "busy", signed_up=400, uses={1: "board"})
    row = on_the_morning(made)["shelf"]
    assert (row["uses_28d"], row["users_28d"], row["active_days_90d"], row["tickets_90d"]) == (0, 0, 0, 0)
    assert (row["integrations"], row["premium_features_28d"], row["seat_use_28d"]) == (0, 0, 0.0)
    assert (row["days_since_last_use"], row["history_days"], row["nps_last"]) == (None, None, None)
    # Ten days have passed, not twenty-eight, and the thirty days to activation are not over.
    assert (row["silent_days_28d"], row["is_activated"]) == (10, None)


def test_without_roles_and_tables_nothing_is_said_of_them(on_the_morning):
    made = nothing()
    made.event.extend(used("acme", days, feature) for days, feature in ((70, "a"), (60, "b"), (45, "c"), (2, "c")))
    made.event.append(used("first", 100))
    row = on_the_morning(made, BARE)["acme"]
    for name in ("logins_28d", "invites_90d", "integrations", "value_events_28d", "tickets_28d", "users_on_record"):
        assert row[name] is None, name
    for name in ("seats", "is_subscribed", "mrr_minor", "premium_features_28d", "premium_share_28d", "account_name"):
        assert row[name] is None, name
    # Three distinct features make the activation where no event is named.
    assert (row["is_activated"], row["days_to_activation"], row["tenure_days"]) == (True, 25, 70)


def test_without_subscriptions_an_account_is_kept_for_a_silent_year(on_the_morning):
    made = nothing()
    made.event.extend([used("quiet", 365), used("gone", 366)])
    assert list(on_the_morning(made, BARE)) == ["quiet"]


def test_a_cancelled_customer_is_none_and_a_trial_is_one_without_paying(on_the_morning):
    made = nothing()
    customer(made, "gone", signed_up=100, status="cancelled")
    customer(made, "trying", signed_up=100, status="trial", mrr_minor=0)
    customer(made, "paying", signed_up=100)
    rows = on_the_morning(made)
    assert {name: row["is_subscribed"] for name, row in rows.items()} == {"trying": False, "paying": True}


def test_use_before_the_sign_up_is_counted_and_counts_nowhere_else(on_the_morning):
    made = nothing()
    customer(made, "acme", signed_up=20, uses={25: "board", 10: "chart"})
    row = on_the_morning(made)["acme"]
    assert (row["events_before_signup"], row["uses_28d"], row["features_28d"], row["events_90d"]) == (1, 1, 1, 1)
    # ann and the board were there before, so neither is new.
    assert (row["new_users_28d"], row["features_new_28d"], row["history_days"]) == (0, 1, 20)


def test_the_first_days_of_an_account_older_than_the_record_are_not_invented(on_the_morning):
    made = nothing()
    customer(made, "old", signed_up=900)
    made.event.append(used("old", 200, name="shared", feature=None))
    row = on_the_morning(made)["old"]
    assert (row["is_activated"], row["days_to_activation"], row["days_to_value"]) == (True, None, None)


def test_a_change_of_terms_counts_from_when_it_is_so_and_known(on_the_morning):
    made = nothing()
    customer(made, "acme", signed_up=300)
    later = {"account_id": "acme", "subscription_id": "acme-s", "status": "active", "seats": 9, "mrr_minor": 20_000}
    made.subscription.append(later | {"valid_from": ago(50), "known_at": ago(30)})
    assert on_the_morning(made, as_of=AS_OF - timedelta(days=35))["acme"]["seats"] == 5
    row = on_the_morning(made)["acme"]
    assert (row["seats"], row["seats_change_90d"], row["mrr_change_180d"]) == (9, 4, 1.0)
    made.subscription.append(later | {"seats": 99, "valid_from": ago(-10), "known_at": ago(5)})
    assert on_the_morning(made)["acme"]["seats"] == 9


def test_a_ticket_closed_later_was_open_and_unrated_on_the_morning(on_the_morning):
    made = nothing()
    customer(made, "acme", signed_up=300)
    made.ticket.append(
        {"ticket_id": "t", "account_id": "acme", "opened_at": ago(3), "closed_at": ago(-1), "satisfaction": 1}
        | {"known_at": ago(3), "priority": "urgent"}
    )
    row = on_the_morning(made)["acme"]
    assert (row["tickets_open"], row["tickets_urgent_90d"], row["satisfaction_90d"]) == (1, 1, None)


def test_a_steady_rise_on_a_perfect_line_is_as_certain_as_it_gets(on_the_morning):
    made = nothing()
    customer(made, "rising", signed_up=400)
    customer(made, "steady", signed_up=400)
    for week in range(13):
        made.event.extend(used("rising", 7 * week + 1, user_id=f"u{n}") for n in range(13 - week))
        made.event.append(used("steady", 7 * week + 1))
    rows = on_the_morning(made)
    # 1 to 13 people: one more each week over a mean of seven.
    assert rows["rising"]["wau_slope_90d"] == pytest.approx(1 / 7)
    assert rows["rising"]["wau_slope_t_90d"] == 100.0
    assert (rows["steady"]["wau_slope_90d"], rows["steady"]["wau_slope_t_90d"]) == (0.0, 0.0)


def test_every_column_of_the_catalogue_is_made_with_its_type(backend):
    made = nothing()
    customer(made, "acme", signed_up=300, uses={1: "board"})
    rows = snapshot.snapshot(facts(made, backend), AS_OF, COMPANY)
    assert rows.schema() == catalogue.ACCOUNT_SNAPSHOT.schema
    assert backend.to_pyarrow(rows).schema == catalogue.ACCOUNT_SNAPSHOT.schema.to_pyarrow()

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from usage_pipeline import company
from usage_pipeline.sources import reading, simulated
from usage_pipeline.sources.simulated import delivery, product
from usage_pipeline.sources.simulated.company import Company

NOW = datetime(2026, 7, 1)


@pytest.fixture(scope="module")
def mapping():
    return company.load(Path(simulated.__file__).parent / "company.yaml")


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    """A history of 50 days and two single-day deliveries, of which some tables hold only their headers."""
    folder = tmp_path_factory.mktemp("landing")
    made = Company(seed=2, accounts=40)
    until = date(2024, 8, 19)
    delivery.write_history(made, folder, until)
    for n in (1, 2):
        day = until + timedelta(days=n)
        delivery.write_week(made, folder, day, day)
    return folder, made


def test_every_event_name_of_a_role_is_one_the_product_sends(mapping):
    for names in mapping.roles.model_dump().values():
        assert set(names) <= set(product.EVENT_NAMES)


def test_the_premium_features_are_those_that_the_smallest_plan_lacks(mapping):
    assert set(mapping.premium_features) == set(product.PREMIUM)
    assert (len(product.FEATURES), len(product.PREMIUM)) == (14, 4)


def test_every_industry_takes_up_every_feature_once():
    for industry in product.INDUSTRIES:
        assert sorted(industry.order) == list("abcdefghijklmn")


def test_all_five_plays_are_on(mapping):
    assert len(mapping.plays.enabled) == 5


@pytest.mark.parametrize("table", ["account", "user", "subscription", "ticket", "survey"])
def test_the_mappings_selects_read_every_delivery_into_the_catalogues_columns(mapping, landing, backend, table):
    folder, _ = landing
    read = reading.read(table, folder, mapping, backend, now=NOW)
    assert read.refused == 0
    assert read.rows.schema.names == list(reading.SHAPES[table].table.schema.names)
    assert read.rows.num_rows > 0


def test_the_accounts_plans_and_seats_read_are_those_of_the_company(mapping, landing, backend):
    folder, made = landing
    read = reading.read("subscription", folder, mapping, backend, now=NOW).rows.to_pandas()
    newest = read.sort_values("valid_from").groupby("account_id").last()
    expected = {f"acc-{n:06d}": int(seats) for n, seats in enumerate(made.accounts["seats"].tolist())}
    assert newest["seats"].astype(int).to_dict() == expected
    assert set(newest["status"]) <= {"active", "trial", "cancelled"}


def test_a_ticket_closed_in_a_later_delivery_was_open_before_it(mapping, landing, backend):
    folder, _ = landing
    read = reading.read("ticket", folder, mapping, backend, now=NOW).rows.to_pandas()
    assert not read.duplicated(["ticket_id", "known_at"]).any()
    again = read[read["ticket_id"].duplicated(keep=False)].sort_values("known_at").groupby("ticket_id")["closed_at"]
    assert again.head(1).isna().all()
    assert again.tail(1).notna().all()
    assert (read["closed_at"].dropna() > read["opened_at"][read["closed_at"].notna()]).all()

from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.simulated import health, people
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.truth import truth

FIRST = date(2024, 7, 1)


def lived(company: Company, days: int, treatments=None, on: int | None = None):
    """The days, as made; `treatments` on the day numbered `on`."""
    return [company.advance(company.next_day, treatments if n == on else None) for n in range(days)]


@pytest.fixture(scope="module")
def grown():
    """A company of 900 accounts after 400 days, its days, and its judged mornings as a frame."""
    company = Company(seed=11, accounts=900)
    days = lived(company, 400)
    frame = truth(company).to_pandas()
    frame = frame[frame["as_of"] >= FIRST + timedelta(days=84)].dropna()
    return company, days, frame.astype({"churned_90d": bool, "expanded_90d": bool})


def test_four_to_seven_in_a_hundred_churn_within_90_days(grown):
    assert 0.04 <= grown[2]["churned_90d"].mean() <= 0.07


def test_expansion_is_a_little_more_common_than_churn(grown):
    assert 0.05 <= grown[2]["expanded_90d"].mean() <= 0.10


def test_the_generators_own_hazard_ranks_churn_as_stated(grown):
    frame = grown[2]
    auc = roc_auc_score(frame["churned_90d"], frame["hazard_churn_90d"])
    assert 0.80 <= auc <= 0.90


def test_the_hazard_is_a_probability_and_not_only_a_rank(grown):
    frame = grown[2]
    assert frame["hazard_churn_90d"].mean() == pytest.approx(frame["churned_90d"].mean(), rel=0.35)


def test_the_base_stays_about_level(grown):
    company = grown[0]
    assert (company.accounts["ended"] < 0).sum() == pytest.approx(900, rel=0.08)


def test_an_account_has_about_four_events_a_day(grown):
    assert sum(len(day.uses) for day in grown[1]) / (900 * 380) == pytest.approx(4.0, rel=0.25)


def test_use_fades_in_the_weeks_before_an_account_cancels(grown):
    company, days, _ = grown
    uses = np.array([np.bincount(day.uses["account"], minlength=len(company.accounts)) for day in days])
    begin = (FIRST - date(1970, 1, 1)).days
    ended = company.accounts["ended"] - begin
    leavers = np.flatnonzero((ended > 150) & (company.accounts["created"] - begin < 40))
    late = np.array([uses[ended[n] - 28 : ended[n], n].sum() for n in leavers]).sum()
    early = np.array([uses[ended[n] - 112 : ended[n] - 84, n].sum() for n in leavers]).sum()
    assert late < 0.8 * early


def test_an_account_that_cancelled_does_nothing_any_more(grown):
    company, days, _ = grown
    begin = (FIRST - date(1970, 1, 1)).days
    for number, day in enumerate(days):
        ended = company.accounts["ended"][day.uses["account"]]
        assert not ((ended >= 0) & (ended <= begin + number)).any()


def test_weekends_and_christmas_are_quiet(grown):
    uses = {day.day: len(day.uses) for day in grown[1]}
    assert uses[date(2024, 11, 9)] < 0.5 * uses[date(2024, 11, 7)]
    assert uses[date(2024, 12, 25)] < 0.3 * uses[date(2024, 12, 11)]


def test_only_plans_that_hold_a_premium_feature_use_it(grown):
    company, days, _ = grown
    for day in days[:120]:
        premium = day.uses[day.uses["code"] == 12]
        # Plans change over the year; an account that never had more than the smallest never used it.
        assert (company.accounts["plan"][premium["account"]] >= 1).mean() > 0.9 if len(premium) > 20 else True


def test_a_day_out_of_turn_is_refused():
    company = Company(seed=1, accounts=10)
    with pytest.raises(Rejected, match="not the company's next day"):
        company.advance(FIRST + timedelta(days=1))


def test_the_same_seed_lives_the_same_life_and_another_seed_another():
    one, same, other = (Company(seed=seed, accounts=40) for seed in (5, 5, 6))
    days = [lived(company, 70) for company in (one, same, other)]
    assert all(np.array_equal(a.uses, b.uses) for a, b in zip(days[0], days[1], strict=True))
    assert not np.array_equal(days[0][-1].uses, days[2][-1].uses)


def test_a_saved_company_goes_on_as_if_it_had_never_stopped(tmp_path):
    company, whole = Company(seed=5, accounts=40), Company(seed=5, accounts=40)
    lived(company, 60)
    company.save(tmp_path / "state.npz")
    again = lived(Company.load(tmp_path / "state.npz"), 30)
    uninterrupted = lived(whole, 90)[60:]
    for a, b in zip(again, uninterrupted, strict=True):
        assert np.array_equal(a.uses, b.uses)
        assert np.array_equal(a.opened, b.opened)
        assert np.array_equal(a.changes.all, b.changes.all)


def test_a_treatment_changes_the_treated_account_from_then_on_and_nothing_else():
    untreated, treated = Company(seed=7, accounts=120), Company(seed=7, accounts=120)
    a = lived(untreated, 150)
    b = lived(treated, 150, {"acc-000004": "red_churn_risk"}, on=90)
    for before, after in zip(a[:90], b[:90], strict=True):
        assert np.array_equal(before.uses, after.uses)
    for before, after in zip(a[90:], b[90:], strict=True):
        kept = [day.uses[day.uses["account"] != 4] for day in (before, after)]
        assert np.array_equal(*kept)
    mine = [sum((day.uses["account"] == 4).sum() for day in days[97:]) for days in (a, b)]
    assert mine[1] > mine[0]


def test_a_treatment_lifts_health_by_the_stated_effect_which_halves_in_six_weeks():
    untreated, treated = Company(seed=7, accounts=120), Company(seed=7, accounts=120)
    lived(untreated, 64)
    lived(treated, 64, {"acc-000004": "red_churn_risk"}, on=63)
    assert treated.accounts["lift"][4] == pytest.approx(health.EFFECTS["red_churn_risk"].health, rel=0.02)
    lived(untreated, 42)
    lived(treated, 42)
    assert treated.accounts["lift"][4] == pytest.approx(0.5 * health.EFFECTS["red_churn_risk"].health, rel=0.05)
    frames = [truth(company).to_pandas().set_index(["account_id", "as_of"]) for company in (untreated, treated)]
    morning = ("acc-000004", FIRST + timedelta(days=105))
    assert frames[1].loc[morning, "hazard_churn_90d"] < 0.7 * frames[0].loc[morning, "hazard_churn_90d"]


def test_a_treatment_of_an_unknown_account_is_nobodys():
    untreated, treated = Company(seed=7, accounts=30), Company(seed=7, accounts=30)
    a, b = lived(untreated, 30), lived(treated, 30, {"acc-999999": "risk_inactive", "demo-1": "x"}, on=5)
    assert all(np.array_equal(x.uses, y.uses) for x, y in zip(a, b, strict=True))


def test_user_ids_name_the_account_so_that_one_accounts_joiners_never_rename_anothers():
    company = Company(seed=7, accounts=30)
    lived(company, 60)
    assert np.array_equal(company.users["key"] // people.PER_ACCOUNT, company.users["account"])
    assert len(np.unique(company.users["key"])) == len(company.users)

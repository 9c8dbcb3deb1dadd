"""What `make bench-models` counts: alerts of a morning, and how long before an outcome the flag stood."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import models_data
from benchmarks.models_alerts import Alerts

DAY = "datetime64[D]"


def weekly(*accounts: str, happened: str = "") -> Alerts:
    """One row per account and of five Mondays; `happened` names those to which it happens within a week of the last."""
    mornings = np.array(["2026-05-04", "2026-05-11", "2026-05-18", "2026-05-25", "2026-06-01"], dtype=DAY)
    rows = [(account, morning) for account in accounts for morning in mornings]
    told = [account in happened and morning == mornings[-1] for account, morning in rows]
    never = np.full(len(rows), "NaT", dtype=DAY)
    account, morning = (np.array(part) for part in zip(*rows, strict=True))
    return Alerts(account, morning.astype(DAY), np.array(told), never, horizon_days=7)


@pytest.mark.parametrize(
    ("flags", "days"), [("11111", 35), ("00011", 14), ("11011", 14), ("11110", 0), ("00000", 0), ("00001", 7)]
)
def test_lead_is_from_the_first_morning_of_the_flag_that_stands_until_the_outcome(flags, days):
    flagged = np.array([flag == "1" for flag in flags])
    assert weekly("a", happened="a").lead_days(flagged).tolist() == [days]


def test_a_flag_of_one_account_is_not_carried_on_to_the_next():
    flagged = np.array([True] * 5 + [False] * 4 + [True])
    assert weekly("a", "b", happened="b").lead_days(flagged).tolist() == [7]


def test_a_named_day_ends_the_lead_and_mornings_apart_are_no_uninterrupted_flag():
    alerts = Alerts(
        np.array(["a", "a", "a", "b", "b", "b"]),
        np.array(["2026-05-04", "2026-05-11", "2026-06-01", "2026-05-04", "2026-05-11", "2026-05-18"], dtype=DAY),
        np.array([False, False, True, False, False, True]),
        np.array(["NaT", "NaT", "2026-06-03", "NaT", "NaT", "2026-05-20"], dtype=DAY),
        horizon_days=7,
    )
    assert alerts.lead_days(np.ones(6, dtype=bool)).tolist() == [2, 16]


def test_as_many_accounts_are_flagged_on_each_morning_as_asked_the_highest_first():
    alerts = weekly("a", "b", "c", "d")
    score = np.array([0.1] * 5 + [0.9] * 5 + [0.5] * 5 + [0.5] * 5)
    assert alerts.highest(score, alerts.budget(0.25)).tolist() == [False] * 5 + [True] * 5 + [False] * 10
    # Of two that are equal one is taken, not both and not none.
    assert alerts.highest(score, alerts.budget(0.5)).reshape(4, 5).sum(axis=0).tolist() == [2] * 5


def test_what_a_second_folder_repeats_of_the_first_counts_once_and_real_repeats_stay(tmp_path):
    train, test = tmp_path / "train", tmp_path / "test"
    for folder, days in ((train, [1, 2, 2]), (test, [2, 2, 3])):
        folder.mkdir()
        pd.DataFrame({"day": days, "account": "a"}).to_parquet(folder / "events.parquet")
    pd.DataFrame({"account": ["a"]}).to_parquet(train / "accounts.parquet")
    both = models_data.united(train, test, tmp_path / "both")
    assert sorted(pd.read_parquet(both / "events.parquet")["day"]) == [1, 2, 2, 3]
    assert len(pd.read_parquet(both / "accounts.parquet")) == 1

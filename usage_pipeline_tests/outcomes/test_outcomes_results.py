"""Flags and episodes against what then happened; not yet known is not no."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from usage_pipeline.company import Company, Events, Kind, Outcome, Primary
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.outcomes import catalogue, effects, results
from usage_pipeline.plays import holdout
from usage_pipeline.sources.catalogue import PAST_ACTION

FIRST = date(2026, 1, 5)
COMPANY = Company(company="tests", events=(Events(format="segment"),))
NOTHING_DONE = pd.DataFrame(columns=list(PAST_ACTION.schema.names))


def after(days: int) -> date:
    return FIRST + timedelta(days=days)


def scores(**tiers: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        [{"account_id": a, "outcome": "churn_90d", "tier": t, "as_of": FIRST} for a, t in tiers.items()]
    )


def labels(outcome: str = "churn_90d", *, on: date = FIRST, **happened: bool | None) -> pd.DataFrame:
    columns = ["account_id", "outcome", "happened", "as_of"]
    return pd.DataFrame([(a, outcome, h, on) for a, h in happened.items()], columns=columns, dtype=object)


def judged(*rows: tuple[str, bool]) -> pd.DataFrame:
    columns = ["outcome", "account_id", "as_of", "tier", "happened"]
    return pd.DataFrame(
        [("churn_90d", str(n), FIRST, tier, happened) for n, (tier, happened) in enumerate(rows)], columns=columns
    )


def arm(account_id: str, which: str, *, play: str = "red_churn_risk", on: date = FIRST) -> holdout.Assignment:
    until = on + timedelta(days=89) if which == "hold_out" else None
    return holdout.Assignment(account_id, play, which, "s/red", on, until, holdout.episode(account_id, play, on))  # type: ignore[arg-type]


def flagged(scored: pd.DataFrame, told: pd.DataFrame, as_of: date) -> dict[str, tuple[int, int, int]]:
    found = results.flags(judged(), scored, told, as_of, COMPANY)
    return {row.tier: (row.accounts, row.happened, row.not_yet_known) for row in found.itertuples()}


def test_a_flag_counts_what_then_happened_to_the_accounts_of_its_tier():
    told = labels(a=True, b=False, c=False)
    assert flagged(scores(a="red", b="red", c="green"), told, after(90)) == {"green": (1, 0, 0), "red": (2, 1, 0)}


def test_until_the_horizon_is_over_a_flag_is_not_yet_known_even_where_the_bad_news_are():
    told = labels(a=True, b=None)
    assert flagged(scores(a="red", b="red"), told, after(89)) == {"red": (0, 0, 2)}


def test_an_account_without_a_tier_or_without_risk_is_in_no_flag():
    assert flagged(scores(a=None, b="red", c="red"), labels(b=False), after(90)) == {"red": (1, 0, 0)}


def test_judged_and_live_mornings_are_told_apart():
    found = results.flags(judged(("red", True), ("green", False)), scores(a="red"), labels(a=False), after(90), COMPANY)
    assert [(row.origin, row.tier, row.happened) for row in found.itertuples()] == [
        ("judged", "green", 0),
        ("judged", "red", 1),
        ("live", "red", 0),
    ]
    assert list(found.columns) == list(catalogue.FLAG.schema.names)
    assert set(found["known_on"]) == {after(90)}


def test_an_episode_is_looked_at_by_its_own_outcome_and_by_the_month():
    assignments = holdout.frame([arm("a", "do"), arm("b", "hold_out")])
    told = pd.concat([labels("churn_30d", a=False, b=True), labels(a=None, b=True)])
    found = results.episodes(assignments, NOTHING_DONE, told, after(30), COMPANY)
    assert {(row.account_id, row.outcome): row.happened for row in found.itertuples()} == {
        ("a", "churn_30d"): False,
        ("b", "churn_30d"): True,
        ("a", "churn_90d"): None,
        ("b", "churn_90d"): None,
    }
    assert list(found.columns) == list(catalogue.EPISODE.schema.names)


def test_an_episode_says_what_became_of_its_task():
    one, two, held = arm("a", "do"), arm("b", "do"), arm("c", "hold_out")
    copies = [
        dict.fromkeys(PAST_ACTION.schema.names)
        | {"account_id": "a", "play": one.play, "episode": one.episode, "arm": "do", "crm": crm, "status": status}
        for crm, status in (("hubspot", "done"), ("salesforce", "open"))
    ]
    past = pd.DataFrame(copies, columns=list(PAST_ACTION.schema.names))
    found = results.episodes(holdout.frame([one, two, held]), past, labels(), after(1), COMPANY)
    assert dict(zip(found["account_id"], found["status"], strict=True)) == {"a": "done", "b": "not opened", "c": None}


def test_a_task_opened_on_this_very_morning_is_open():
    one = arm("a", "do")
    task = {
        "instance": "hubspot:1", "account_id": "a", "play": one.play, "episode": one.episode, "task_id": "7",
        "opened_on": FIRST, "status": "open", "closed_at": None, "withdrawn_on": None, "answer": None,
    }  # fmt: skip
    drawn = holdout.frame([one])
    ledger = SimpleNamespace(assignments=lambda: drawn, episodes=lambda: pd.DataFrame([task], dtype=object))
    past = results.past_actions(cast(Ledger, ledger), FIRST)
    assert set(results.episodes(drawn, past, labels(), FIRST, COMPANY)["status"]) == {"open"}


def test_all_plays_together_are_looked_at_by_churn_and_by_expansion():
    assert set(results.looked_at("*", COMPANY)) == {"churn_90d", "churn_30d", "expansion_90d"}
    assert results.looked_at("high_expansion", COMPANY) == ("expansion_90d",)


def test_a_company_with_outcomes_of_its_own_is_looked_at_by_those():
    own = {"churn_12w": Outcome(kind=Kind.CHURN, source="silence", horizon_days=84, silence_days=182)}
    company = Company(
        company="tests",
        events=(Events(format="segment"),),
        outcomes=own,
        primary=Primary(churn="churn_12w", expansion="expand_12w"),
    )
    found = results.episodes(
        holdout.frame([arm("a", "do")]), NOTHING_DONE, labels("churn_12w", a=None), after(100), company
    )
    assert [(row.outcome, row.known_on) for row in found.itertuples()] == [("churn_12w", after(84 + 182))]


def test_not_yet_known_is_not_zero():
    assignments = holdout.frame([arm("a", "do"), arm("b", "hold_out", on=after(7))])
    early = results.episodes(assignments, NOTHING_DONE, labels(a=None), after(20), COMPANY)
    found = effects.effects(early, after(20)).set_index("outcome").loc["churn_90d"]
    assert found["state"] == "not yet known"
    assert (found["difference"], found["low"], found["high"]) == (None, None, None)
    # The arm that is known last decides: the held-out account was drawn a week later.
    assert found["known_on"] == after(97)
    assert f"until {after(97)}" in found["text"]


def test_without_a_hold_out_there_is_nothing_to_compare_with_ever():
    assignments = holdout.frame([arm("a", "do")])
    found = effects.effects(results.episodes(assignments, NOTHING_DONE, labels(a=True), after(95), COMPANY), after(95))
    row = found.set_index("outcome").loc["churn_90d"]
    assert (row["state"], row["difference"], row["known_on"]) == ("not yet known", None, None)
    assert "nobody was held out" in row["text"]


def test_an_effect_is_those_assigned_to_act_minus_the_held_out_with_its_interval():
    acting = {f"t{n}": n < 5 for n in range(56)}
    held = {f"h{n}": False for n in range(29)}
    assignments = holdout.frame([arm(a, "do") for a in acting] + [arm(a, "hold_out") for a in held])
    known = results.episodes(assignments, NOTHING_DONE, labels(**acting, **held), after(90), COMPANY)
    row = effects.effects(known, after(90)).set_index("outcome").loc["churn_90d"]
    assert (row["treated"], row["treated_happened"], row["held_out"], row["held_out_happened"]) == (56, 5, 29, 0)
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((5 / 56, -0.0381, 0.1926), abs=5e-5)
    assert "5 of 56 (8.9 %) accounts assigned to act" in row["text"]
    assert "within what chance alone can do" in row["text"]


def test_where_held_out_accounts_are_shown_their_scores_every_effect_says_so():
    known = results.episodes(holdout.frame([arm("a", "do")]), NOTHING_DONE, labels(a=True), after(95), COMPANY)
    shown = effects.effects(known, after(95), holdout_visibility="shown")
    assert shown["text"].str.endswith(effects.SHOWN).all()
    assert not effects.effects(known, after(95))["text"].str.contains(effects.SHOWN, regex=False).any()


def test_an_account_counts_in_the_arm_that_was_drawn_first_and_only_once():
    assignments = holdout.frame([arm("a", "hold_out"), arm("a", "do", on=after(90)), arm("b", "do")])
    told = pd.concat([labels(a=True, b=False), labels(on=after(90), a=False)])
    known = results.episodes(assignments, NOTHING_DONE, told, after(200), COMPANY)
    row = effects.effects(known, after(200)).set_index("outcome").loc["churn_90d"]
    assert (row["treated"], row["held_out"], row["held_out_happened"]) == (1, 1, 1)


def test_an_account_assigned_to_act_counts_so_though_its_task_was_never_opened():
    assignments = holdout.frame([arm("a", "do"), arm("b", "hold_out")])
    known = results.episodes(assignments, NOTHING_DONE, labels(a=True, b=False), after(90), COMPANY)
    assert set(known.loc[known["account_id"] == "a", "status"]) == {"not opened"}
    assert effects.effects(known, after(90)).set_index("outcome").loc["churn_90d", "treated_happened"] == 1

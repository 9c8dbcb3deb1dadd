"""The page of outcomes and its Markdown say what is known, and what is not."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pandas as pd
import pytest

from usage_pipeline.company import Company, Events
from usage_pipeline.models.catalogue import TRAINING
from usage_pipeline.outcomes import effects, results
from usage_pipeline.plays import holdout
from usage_pipeline.reports import drawing, markdown, outcomes_page, views
from usage_pipeline.sources.catalogue import PAST_ACTION
from usage_pipeline_tests.plays import fleet
from usage_pipeline_tests.plays.fleet import AS_OF, Fleet

COMPANY = fleet.settings()
TRAINED = dict.fromkeys(TRAINING.schema.names) | {
    "outcome": "churn_90d",
    "state": "trained",
    "rung": "xgboost",
    "has_skill": True,
    "judged_rows": 900.0,
    "average_precision": 0.31,
    "average_precision_low": 0.25,
    "average_precision_high": 0.37,
    "rule_average_precision": 0.18,
}
UNSKILLED = TRAINED | {"outcome": "expansion_90d", "has_skill": False, "skill_reason": "AUC may be 0.5"}


def looked_back(treated: tuple[int, int], held: tuple[int, int], *, on: date) -> pd.DataFrame:
    """Episodes of red_churn_risk begun on `on`: (churned, of) in either arm."""
    drawn, told = [], []
    for arm, (churned, of) in (("do", treated), ("hold_out", held)):
        for n in range(of):
            account = f"{arm}{n}"
            until = on + timedelta(days=89) if arm == "hold_out" else None
            episode = holdout.episode(account, "red_churn_risk", on)
            drawn.append(holdout.Assignment(account, "red_churn_risk", arm, "s", on, until, episode))  # type: ignore[arg-type]
            told.append({"account_id": account, "outcome": "churn_90d", "happened": n < churned, "as_of": on})
    nothing_done = pd.DataFrame(columns=list(PAST_ACTION.schema.names))
    return results.episodes(holdout.frame(drawn), nothing_done, pd.DataFrame(told), AS_OF, COMPANY)


def flagged(*rows: tuple) -> pd.DataFrame:
    columns = ["outcome", "as_of", "origin", "tier", "accounts", "happened", "not_yet_known", "known_on"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def page(
    accounts: Fleet | None = None,
    *,
    episodes: pd.DataFrame | None = None,
    flags: pd.DataFrame | None = None,
    company: Company = COMPANY,
    training: tuple[dict, ...] = (TRAINED,),
    **morning: object,
) -> str:
    episodes = looked_back((0, 0), (0, 0), on=AS_OF) if episodes is None else episodes
    decided = (accounts or Fleet().add("a", churn="red")).decide(company, **morning)  # type: ignore[arg-type]
    return outcomes_page.html(
        as_of=AS_OF,
        company=company,
        effects=effects.effects(episodes, AS_OF),
        episodes=episodes,
        flags=flagged() if flags is None else flags,
        decisions=decided.decisions,
        training=pd.DataFrame(training, columns=list(TRAINING.schema.names)),
    )


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.S)).replace("&nbsp;", " ")


def test_the_page_is_whole_html_and_fetches_nothing():
    html = page(episodes=looked_back((5, 56), (0, 29), on=AS_OF - timedelta(days=90)))
    opened = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):  # noqa: ARG002 - the parser's own signature
            if tag not in {"meta", "line", "circle", "rect"}:
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Tags().feed(re.sub(r"<(line|circle|rect)([^>]*)/>", r"<\1\2>", html))
    assert opened == []
    for outside in ("<script", "http", "url(", "@import", "src="):
        assert outside not in html


def test_a_known_effect_stands_with_its_counts_and_its_interval():
    told = words(page(episodes=looked_back((5, 56), (0, 29), on=AS_OF - timedelta(days=90))))
    for part in ("5 of 56 (8.9 %)", "0 of 29 (0.0 %)", "+8.9 (-3.8 to +19.3) points", "nothing is shown yet"):
        assert part in told


def test_the_page_says_where_people_see_the_scores_of_held_out_accounts():
    shown = COMPANY.model_copy(update={"plays": COMPANY.plays.model_copy(update={"holdout_visibility": "shown"})})
    assert effects.SHOWN in words(page(company=shown))
    assert effects.SHOWN not in words(page())


def test_an_effect_that_is_not_yet_known_says_from_when_it_will_be():
    told = words(page(episodes=looked_back((5, 56), (0, 29), on=AS_OF - timedelta(days=80))))
    assert f"Not yet known until {AS_OF + timedelta(days=10)}" in told
    assert (
        "points"
        not in told.split("What became of the tasks", maxsplit=1)[0].split("nothing is shown yet.", maxsplit=1)[1]
    )


@pytest.mark.parametrize(
    ("treated", "held", "reading"),
    [((2, 60), (20, 60), "good"), ((20, 60), (2, 60), "bad"), ((5, 60), (6, 60), "open")],
)
def test_fewer_churned_is_good_and_more_is_bad(treated, held, reading):
    known = effects.effects(looked_back(treated, held, on=AS_OF - timedelta(days=90)), AS_OF)
    line = {line.outcome: line for line in views.effects(known, COMPANY)}["churn_90d"]
    assert line.reading == reading


def test_a_morning_on_which_no_play_acts_says_so_at_the_top():
    assert "No play acts this morning." in page(data_quality="half the usage predates the accounts")
    assert "half the usage predates the accounts" in page(data_quality="half the usage predates the accounts").lower()
    assert "No play acts this morning." in page(skill={"churn_90d": False, "expansion_90d": False})
    assert "No play acts this morning." not in page()
    # Nobody calling for a play is a quiet morning, not a silenced one.
    assert "No play acts this morning." not in page(Fleet().add("a"))


def test_the_reasons_against_are_those_of_accounts_that_call_for_the_play():
    accounts = Fleet().add("a", churn="red").add("b", churn="red", owner=None).add("c", churn="green", owner=None)
    line = {line.play: line for line in views.plays(accounts.decide().decisions)}["Red churn risk"]
    assert (line.called_for, line.do, line.hold_out, line.not_called_for) == (2, 1, 0, 1)
    assert line.refusals == (("no CRM record with an owner", 1),)


def test_flags_are_summed_over_mornings_and_keep_what_is_not_yet_known():
    first, second = date(2026, 1, 5), date(2026, 2, 9)
    rows = flagged(
        ("churn_90d", first, "live", "red", 4, 2, 0, first + timedelta(days=90)),
        ("churn_90d", second, "live", "red", 0, 0, 3, second + timedelta(days=90)),
    )
    (line,) = views.flags(rows)
    assert (line.mornings, line.known.happened, line.known.of, line.not_yet_known) == (2, 2, 4, 3)
    assert line.next_known_on == second + timedelta(days=90)
    assert "2 of 4 (50.0 %)" in words(page(flags=rows))


def test_a_model_without_skill_is_named_with_the_reason():
    told = words(page(training=(TRAINED, UNSKILLED)))
    assert "0.31 (0.25 to 0.37)" in told
    assert "AUC may be 0.5" in told
    assert "not shown" in told


def test_only_the_newest_training_of_an_outcome_is_shown():
    older, newer = (
        TRAINED | {"trained_as_of": date(2026, 1, 1)},
        UNSKILLED | {"outcome": "churn_90d", "trained_as_of": AS_OF},
    )
    assert [row["has_skill"] for row in views.trainings(pd.DataFrame([newer, older]))] == [False]


def test_what_others_wrote_cannot_become_markup():
    hostile = TRAINED | {"has_skill": False, "skill_reason": "<script>alert(1)</script>"}
    assert "<script" not in page(training=(hostile,))


def test_a_first_morning_with_nothing_behind_it_still_has_a_page():
    company = Company(company="new", events=(Events(format="segment"),))
    told = words(page(company=company, training=()))
    for part in ("nothing to compare", "No earlier morning has tiers yet", "No model has been trained yet"):
        assert part in told


def test_markdown_shows_the_same_tables_and_keeps_bars_out_of_cells():
    known = effects.effects(looked_back((5, 56), (0, 29), on=AS_OF - timedelta(days=90)), AS_OF)
    assert (
        "| Red churn risk | churn_90d | 5 of 56 (8.9 %) | 0 of 29 (0.0 %) | +8.9 (-3.8 to +19.3) points |"
        in markdown.effects(known, COMPANY)
    )
    assert "| 0.31 (0.25 to 0.37) | 0.18 |" in markdown.training(pd.DataFrame([TRAINED]))
    assert "| 1 | 1 | 0 | 0 |" in markdown.decisions(Fleet().add("a", churn="red").decide().decisions)
    assert markdown.flags(flagged()) == "Nothing yet."
    assert "a\\|b" in markdown.table(("x",), [("a|b",)])


def test_a_scale_holds_every_interval():
    assert drawing.reach([(-0.31, 0.12), (0.0, 0.2)]) == 0.4
    assert drawing.reach([]) == 0.1

from datetime import date

import pytest
from sync_builders import MORNING, confirmed, decision, episode, frame, link, plan, present, values

from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.operations import hash_of
from usage_pipeline.sync import plans, wanted

KEY = wanted.task_key("a", "red_churn_risk", f"a:red_churn_risk:{MORNING}")


def test_only_what_differs_from_the_acknowledged_is_written_old_to_new():
    made = plan(
        values(a={"usage_churn_risk": "81.3", "usage_cohort": "New", "usage_health": None}),
        acks=confirmed(usage_churn_risk="64", usage_cohort="New"),
    )
    assert [(one.field, one.old, one.new) for one in made.fields] == [("usage_churn_risk", "64", "81.3")]


def test_a_field_is_emptied_only_where_the_crm_has_something():
    made = plan(
        values(a={"usage_churn_tier": None, "usage_churn_risk": None, "usage_cohort": None}),
        acks=confirmed(usage_churn_tier="red"),
    )
    assert [(one.field, one.old, one.new) for one in made.fields] == [("usage_churn_tier", "red", None)]


def test_unmatched_and_ambiguous_accounts_are_counted_and_get_nothing():
    links = frame(link("a"), link("b", state="unmatched"), link("c", state="ambiguous"))
    cohort = {"usage_cohort": "New"}
    made = plan(values(a=cohort, b=cohort, c=cohort), [decision("b")], links)
    assert {one.account_id for one in made.fields} == {"a"}
    assert (made.matched, made.unmatched, made.ambiguous, made.new_tasks) == (1, 1, 1, ())


def test_an_edit_by_hand_is_seen_where_the_crm_was_read_and_put_right():
    wants = values(a={"usage_cohort": "New"})
    acks = confirmed(usage_cohort="New")
    assert plan(wants, acks=acks).is_empty
    made = plan(wants, acks=acks, present=present(usage_cohort="Activated-Power"))
    assert [(one.old, one.new) for one in made.fields] == [("Activated-Power", "New")]
    assert (made.edits_restored, made.compared_with) == (1, "present")


def test_a_task_is_opened_once_reworded_while_it_lasts_and_withdrawn_when_its_cause_is_gone():
    assert [one.key for one in plan(decisions=[decision()]).new_tasks] == [KEY]
    assert plan(decisions=[decision()], episodes=[episode(KEY)]).is_empty
    reworded = plan(decisions=[decision(body="Use fell further.")], episodes=[episode(KEY)])
    assert [(one.old_body, one.body) for one in reworded.rewordings] == [("Use fell.", "Use fell further.")]
    gone = plan(decisions=[decision(decision="not")], episodes=[episode(KEY)])
    assert [one.key for one in gone.closings] == [KEY]


@pytest.mark.parametrize("status", ["done", "dismissed", "withdrawn"])
def test_an_episode_that_is_over_is_not_opened_again(status):
    made = plan(decisions=[decision()], episodes=[episode(KEY, status=status)])
    assert made.is_empty
    assert made.left_closed == 1


def test_a_task_that_a_person_has_touched_keeps_their_words():
    assert plan(decisions=[decision(body="New words.")], episodes=[episode(KEY, is_touched=True)]).is_empty


def test_a_morning_that_cannot_judge_leaves_open_tasks_alone():
    kept = decision(decision="not", body="") | {"episode": f"a:red_churn_risk:{MORNING}"}
    assert plan(decisions=[kept], episodes=[episode(KEY)]).is_empty


@pytest.mark.parametrize(
    ("cause", "refused_on", "content", "waits"),
    [
        ("business_rule", MORNING, "New", True),
        ("business_rule", date(2026, 5, 3), "New", False),
        ("business_rule", MORNING, "Activated-Power", False),
        ("transient", MORNING, "New", False),
    ],
)
def test_what_was_refused_waits_until_the_content_or_the_morning_is_another(cause, refused_on, content, waits):
    refused = {
        "kind": "fields",
        "key": "a",
        "payload_hash": hash_of({"usage_cohort": content}),
        "cause": cause,
        "as_of": refused_on,
    }
    made = plan(values(a={"usage_cohort": "New"}), quarantine=[refused])
    assert made.is_empty == waits
    assert made.waiting_in_quarantine == waits


def test_the_cost_counts_calls_and_not_rows():
    accounts = [f"a{n}" for n in range(150)]
    links = frame(*(link(account, f"1{account}") for account in accounts))
    made = plan(values(**{account: {"usage_cohort": "New"} for account in accounts}), [decision("a1")], links)
    # two batches of fields; one task: upserted, then put on its company
    assert made.api_calls == 4


def test_a_plan_survives_its_file_and_reads_well():
    made = plan(
        values(a={"usage_churn_risk": "81.3"}),
        [decision(), decision("b")],
        frame(link(), link("b", "102")),
        episodes=[episode("old", account="a")],
    )
    assert plans.read(plans.write([made])) == [made]
    page = made.to_markdown()
    assert "| a | usage_churn_risk |  | 81.3 |" in page
    assert "2 to open, 0 to update, 1 to withdraw" in page


def test_a_file_that_is_no_plan_is_refused():
    with pytest.raises(Rejected, match="no plan"):
        plans.read('{"format": 7}')

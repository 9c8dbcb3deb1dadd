"""Which differences are worth a write, whose a field is, and what becomes of records that are not what they were."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sync_builders import MORNING, confirmed, decision, episode, frame, link, plan, present, values

from usage_pipeline.crm.contract import CONTRACT, Ownership
from usage_pipeline.sync import wanted

YESTERDAY = MORNING - timedelta(days=1)
LONG_AGO = date(2026, 4, 1)
SCORED = {"usage_churn_risk": "60", "usage_churn_tier": "red", "usage_churn_reasons": "use fell by 30 %"}


def changed(acks=None, **fields):
    """The fields that are written for account a, whose record was brought to SCORED yesterday."""
    acks = confirmed(on=YESTERDAY, **SCORED) if acks is None else acks
    return {one.field for one in plan(values(a=SCORED | fields), acks=acks).fields}


def test_a_score_that_moved_less_than_its_dead_band_costs_no_call_and_is_counted():
    made = plan(values(a=SCORED | {"usage_churn_risk": "62.9"}), acks=confirmed(on=YESTERDAY, **SCORED))
    assert made.is_empty
    assert (made.held_back, made.calls_saved) == (1, 1)


def test_a_score_that_moved_by_its_dead_band_is_sent_with_all_that_differs():
    assert changed(usage_churn_risk="63", usage_churn_reasons="use fell by 31 %") == {
        "usage_churn_risk",
        "usage_churn_reasons",
    }


def test_reasons_in_other_words_alone_are_no_reason_to_write():
    assert changed(usage_churn_reasons="use fell by 31 %") == set()


def test_a_tier_that_became_worse_is_sent_at_once():
    acks = confirmed(on=YESTERDAY, **SCORED | {"usage_churn_tier": "yellow"})
    assert changed(acks, usage_churn_risk="61") == {"usage_churn_tier", "usage_churn_risk"}


def test_a_tier_that_became_better_waits_until_its_score_has_moved():
    assert changed(usage_churn_tier="yellow", usage_churn_risk="58") == set()
    assert changed(usage_churn_tier="yellow", usage_churn_risk="57") == {"usage_churn_tier", "usage_churn_risk"}


def test_a_score_that_appears_or_disappears_is_sent_at_once():
    assert changed(usage_churn_risk=None, usage_churn_tier=None) == {"usage_churn_risk", "usage_churn_tier"}


def test_what_differs_a_little_is_sent_once_it_is_too_old():
    acks = confirmed(on=MORNING - timedelta(days=7), **SCORED)
    assert changed(acks, usage_churn_risk="61") == {"usage_churn_risk"}
    assert changed(acks) == set()


def owned(ownership, acks, now, wants):
    cohort = replace(CONTRACT.field("usage_cohort"), ownership=ownership)
    contract = replace(CONTRACT, fields=(cohort,))
    return plan(values(a={"usage_cohort": wants}), acks=acks, present=now, contract=contract)


@pytest.mark.parametrize(
    ("ownership", "wants", "written"),
    [
        (Ownership.OURS, "New", True),
        (Ownership.THEIRS_IF_EDITED, "New", False),
        (Ownership.THEIRS_IF_EDITED, "Risk-Inactive", True),
        (Ownership.FILL_IF_EMPTY, "Risk-Inactive", False),
    ],
)
def test_whose_an_edited_field_is_depends_on_its_ownership(ownership, wants, written):
    edited = present(usage_cohort="Activated-Power")
    made = owned(ownership, confirmed(usage_cohort="New"), edited, wants)
    assert bool(made.fields) == written
    assert made.edits_left == (ownership is Ownership.THEIRS_IF_EDITED and not written)


def test_what_is_there_as_it_is_wanted_is_taken_in_without_a_call():
    made = plan(values(a=SCORED), present=present(**SCORED))
    assert made.is_empty
    assert [(one.crm_id, one.fields) for one in made.adoptions] == [("101", SCORED)]
    assert plan(values(a=SCORED), acks=confirmed(**SCORED), present=present(**SCORED)).adoptions == ()


def test_a_field_that_is_to_be_filled_is_filled_where_it_is_empty():
    assert owned(Ownership.FILL_IF_EMPTY, confirmed().head(0), present(), "New").fields


def test_a_former_customer_keeps_no_score_and_with_the_other_setting_keeps_all():
    acks = confirmed("gone", "102", on=LONG_AGO, **SCORED)
    wants = values(someone_else=dict.fromkeys(SCORED))
    made = plan(wants, acks=acks)
    assert {(one.field, one.new) for one in made.fields} == {(name, None) for name in SCORED}
    assert plan(wants, acks=acks, contract=replace(CONTRACT, leavers="keep")).is_empty


def test_a_record_that_became_another_accounts_gets_nothing_and_is_named():
    made = plan(values(a=SCORED), [decision()], present=present(account_key="b"))
    assert made.is_empty
    assert made.strays == (("a", "the record 101 belongs to the account b since it was matched"),)


def test_a_record_that_is_gone_gets_nothing_and_is_named():
    made = plan(values(a=SCORED), present=present("999"))
    assert made.is_empty
    assert "gone" in made.strays[0][1]


def test_a_rejection_of_what_nobody_wants_any_more_is_let_go():
    refused = {"kind": "fields", "key": "a", "payload_hash": "x", "cause": "schema", "as_of": MORNING}
    assert plan(values(a=SCORED), quarantine=[refused]).released == ()
    assert plan(values(a=SCORED), acks=confirmed(**SCORED), quarantine=[refused]).released == (("fields", "a"),)


def test_at_first_an_owner_gets_only_the_most_urgent_tasks():
    decisions = [decision(account) | {"priority": "low" if account == "a" else "high"} for account in "abc"]
    links = frame(*(link(account, f"1{account}") for account in "abc"))
    made = plan(decisions=decisions, links=links, tasks_per_owner=2)
    assert [task.account_id for task in made.new_tasks if task.account_id == "a"] == []
    assert (len(made.new_tasks), made.tasks_later) == (2, 1)


def test_a_task_stays_as_it_is_where_its_account_has_moved_to_another_record():
    key = wanted.task_key("a", "red_churn_risk", f"a:red_churn_risk:{MORNING}")
    moved = frame(link("a", "102"))
    assert plan(decisions=[decision(body="New words.")], episodes=[episode(key)], links=moved).is_empty

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sync_builders import HUBSPOT, MORNING, NAMES, NOON, decision, frame, link, present, values
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm, Killed

from usage_pipeline.crm.client import Instance, TaskStatus, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying, exports, preparing, wanted

LINKS = frame(*(link(account, crm_id) for account, crm_id in zip("abc", ("101", "102", "103"), strict=True)))
COHORTS = values(a={"usage_cohort": "New"}, b={"usage_cohort": "New"}, c={"usage_cohort": "New", "usage_health": "50"})
TASKS = (decision("a"), decision("b"), decision("c"))


def key(account):
    return wanted.task_key(account, "red_churn_risk", f"{account}:red_churn_risk:{MORNING}")


@pytest.fixture
def crm():
    return FakeCrm("101", "102", "103")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


def plan(ledger, wants=COHORTS, decisions=TASKS, instance=HUBSPOT, links=LINKS, **how):
    return planned(
        wants,
        decisions,
        links,
        ledger.records(instance.key, NAMES),
        ledger.episodes(instance.key).to_dict("records"),
        ledger.quarantine(instance.key).to_dict("records"),
        sequence=ledger.sequence(instance.key),
        instance=instance,
        **how,
    )


def apply(made, crm, ledger, **how):
    return applying.apply(made, crm, ledger, now=how.pop("now", lambda: NOON), pause=lambda _: None, **how)


def test_everything_arrives_once_and_the_second_time_nothing_is_sent(crm, ledger):
    done = apply(plan(ledger), crm, ledger)
    assert (done.fields_written, done.records_written, done.tasks_opened, done.failed) == (4, 3, 3, 0)
    assert crm.companies["103"] == {"usage_cohort": "New", "usage_health": "50"}
    writes = crm.calls.writes
    again = apply(plan(ledger), crm, ledger)
    assert again.is_nothing
    assert crm.calls.writes == writes
    assert set(crm.delivered.values()) == {1}


@pytest.mark.parametrize("question", ["write_fields", "open_tasks"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_whatever_a_crash_cut_off_each_change_arrives_once(crm, ledger, question, when, nth):
    crm.kill = (question, when, nth)
    with pytest.raises(Killed):
        apply(plan(ledger), crm, ledger)
    done = apply(plan(ledger), crm, ledger)
    assert done.settled_from_before > 0
    assert (len(crm.delivered), set(crm.delivered.values())) == (7, {1})
    assert len(crm.tasks) == 3
    assert apply(plan(ledger), crm, ledger).is_nothing
    assert ledger.unsettled(HUBSPOT.key) == []


def test_a_lost_answer_is_settled_by_reading_before_the_apply_ends(crm, ledger):
    crm.lose_answers = True
    done = apply(plan(ledger), crm, ledger)
    assert (done.fields_written, done.tasks_opened, done.failed) == (4, 3, 0)
    assert set(crm.delivered.values()) == {1}


def test_one_refused_row_waits_in_quarantine_and_the_others_arrive(crm, ledger):
    crm.refuse["102"] = Rejection.of(Cause.BUSINESS_RULE, "a rule says no")
    done = apply(plan(ledger), crm, ledger)
    assert (done.records_written, done.quarantined, done.failed) == (2, 1, 0)
    rejected = exports.rejection(ledger).to_dict("records")
    assert [(row["crm"], row["key"], row["cause"]) for row in rejected] == [("hubspot", "b", "business_rule")]
    writes = crm.calls.writes
    assert apply(plan(ledger), crm, ledger).is_nothing
    assert crm.calls.writes == writes
    crm.refuse.clear()
    tomorrow = apply(plan(ledger, as_of=MORNING + timedelta(days=1)), crm, ledger)
    assert tomorrow.records_written == 1
    assert exports.rejection(ledger).empty


def test_what_was_refused_for_a_missing_field_is_sent_again_once_the_field_is_made(crm, ledger):
    crm.refuse["102"] = Rejection.of(Cause.SCHEMA, "no such property")
    assert apply(plan(ledger), crm, ledger).quarantined == 1
    crm.refuse.clear()
    preparing.provision(crm, ledger)
    assert apply(plan(ledger), crm, ledger).is_nothing
    crm.lacks = ("company property usage_cohort",)
    preparing.provision(crm, ledger)
    assert apply(plan(ledger), crm, ledger).records_written == 1


def test_a_spent_budget_stops_the_run_and_the_rest_goes_with_the_next(crm, ledger):
    crm.refuse["101"] = Rejection.of(Cause.BUDGET, "the day's calls are used up")
    done = apply(plan(ledger), crm, ledger)
    assert crm.calls.writes == 1
    assert (done.records_written, done.failed) == (1, 5)
    crm.refuse.clear()
    assert apply(plan(ledger), crm, ledger).tasks_opened == 3
    assert set(crm.delivered.values()) == {1}


def test_a_task_is_reworded_and_then_withdrawn_with_its_cause(crm, ledger):
    apply(plan(ledger), crm, ledger)
    reworded = [decision("a", body="Use fell further."), *TASKS[1:]]
    assert apply(plan(ledger, decisions=reworded), crm, ledger).tasks_updated == 1
    gone = [decision("a", decision="not"), *TASKS[1:]]
    assert apply(plan(ledger, decisions=gone), crm, ledger).tasks_withdrawn == 1
    assert {state.key for state in crm.tasks.values() if state.status is TaskStatus.WITHDRAWN} == {key("a")}
    back = apply(plan(ledger, decisions=TASKS), crm, ledger)
    assert back.is_nothing


def test_a_persons_words_in_a_task_are_neither_overwritten_nor_thrown_away(crm, ledger):
    apply(plan(ledger), crm, ledger)
    crm.people(key("a"), text=TaskText("Call a", "Use fell. I called them.", "high"))
    reworded = [decision("a", body="Use fell further."), *TASKS[1:]]
    assert apply(plan(ledger, decisions=reworded), crm, ledger).tasks_left == 1
    assert apply(plan(ledger, decisions=reworded), crm, ledger).is_nothing
    gone = [decision("a", decision="not"), *TASKS[1:]]
    apply(plan(ledger, decisions=gone), crm, ledger)
    assert "I called them." in next(state for state in crm.tasks.values() if state.key == key("a")).text.body


def test_a_plan_is_refused_once_the_ledger_has_moved_on(crm, ledger):
    made = plan(ledger)
    apply(made, crm, ledger)
    with pytest.raises(Rejected, match="plan again"):
        apply(made, crm, ledger)


@pytest.mark.parametrize(
    ("instance", "moment", "why"),
    [
        (Instance("hubspot", "2", is_sandbox=True), NOON, "the plan is for hubspot:1"),
        (HUBSPOT, NOON + timedelta(days=1, minutes=1), "more than a day ago"),
    ],
)
def test_a_plan_for_elsewhere_or_of_yesterday_sends_nothing(ledger, instance, moment, why):
    crm = FakeCrm("101", "102", "103", instance=instance)
    with pytest.raises(Rejected, match=why):
        apply(plan(ledger), crm, ledger, now=lambda: moment)
    assert crm.calls.writes == 0


def test_a_real_crm_gets_no_old_morning_unless_told(ledger):
    real = Instance("hubspot", "9", is_sandbox=False)
    crm = FakeCrm("101", "102", "103", instance=real)
    links = frame(*(link(row["account_id"], row["crm_id"], instance=real) for row in LINKS.to_dict("records")))
    made = plan(ledger, instance=real, links=links, as_of=date(2026, 4, 30))
    with pytest.raises(Rejected, match="is a real CRM"):
        apply(made, crm, ledger)
    assert crm.calls.writes == 0
    assert apply(made, crm, ledger, allow_old_morning=True).records_written == 3


def test_what_a_person_wrote_as_we_wanted_it_counts_as_ours_from_then_on(crm, ledger):
    theirs = replace(CONTRACT, fields=(replace(CONTRACT.field("usage_cohort"), ownership="theirs_if_edited"),))

    def day(number, cohort):
        made = plan(
            ledger,
            values(a={"usage_cohort": cohort}),
            (),
            as_of=MORNING + timedelta(days=number),
            contract=theirs,
            present=present(**crm.companies["101"]),
        )
        return apply(made, crm, ledger, contract=theirs)

    day(0, "New")
    crm.companies["101"]["usage_cohort"] = "Risk-Inactive"
    assert day(1, "Risk-Inactive").is_nothing
    assert day(2, "New").fields_written == 1


def test_an_earlier_morning_does_not_overwrite_a_later_one(crm, ledger):
    apply(plan(ledger), crm, ledger)
    with pytest.raises(Rejected, match="applied already"):
        apply(plan(ledger, as_of=MORNING - timedelta(days=1)), crm, ledger)


def test_the_log_tells_each_row_and_the_acknowledged_each_field(crm, ledger):
    apply(plan(ledger), crm, ledger)
    assert exports.log(ledger)[["crm", "kind", "state"]].value_counts().to_dict() == {
        ("hubspot", "fields", "ok"): 3,
        ("hubspot", "task_open", "ok"): 3,
    }
    assert len(exports.acknowledged(ledger)) == 4

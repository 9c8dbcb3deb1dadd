"""What cannot be read, and what is read too early: nothing is sent twice, and nothing else waits for it."""

from datetime import timedelta

import pytest
from sync_builders import HUBSPOT, MORNING, NAMES, NOON, decision, frame, link, values
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm, Killed

from usage_pipeline.crm.client import TaskStatus
from usage_pipeline.crm.rejections import Cause, Refused, Rejection
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying, settling, wanted

LINKS = frame(*(link(account, crm_id) for account, crm_id in zip("ab", ("101", "102"), strict=True)))
NO_SCOPE = Refused(Rejection.of(Cause.PERMISSION, "the scope is missing"), status=403)


@pytest.fixture
def crm():
    return FakeCrm("101", "102")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


TASKS = (decision("a"), decision("b"))


def plan(ledger, cohort="New", decisions=TASKS, **how):
    return planned(
        values(a={"usage_cohort": cohort}, b={"usage_cohort": cohort}),
        decisions,
        LINKS,
        ledger.records(HUBSPOT.key, NAMES),
        ledger.episodes(HUBSPOT.key).to_dict("records"),
        ledger.quarantine(HUBSPOT.key).to_dict("records"),
        sequence=ledger.sequence(HUBSPOT.key),
        **how,
    )


def apply(made, crm, ledger, *, now=NOON, pause=lambda _: None):
    return applying.apply(made, crm, ledger, now=lambda: now, pause=pause)


def key(account):
    return wanted.task_key(account, "red_churn_risk", f"{account}:red_churn_risk:{MORNING}")


def test_tasks_that_may_not_be_read_hold_up_no_field(crm, ledger):
    apply(plan(ledger), crm, ledger)
    crm.unreadable["change_tasks"] = NO_SCOPE
    reworded = [decision("a", body="Use fell further."), decision("b")]
    done = apply(plan(ledger, "Risk-Inactive", reworded), crm, ledger)
    assert (done.fields_written, done.quarantined) == (2, 1)


def test_an_unknown_task_that_cannot_be_read_is_not_opened_again_and_the_fields_go_on(crm, ledger):
    crm.kill = ("open_tasks", "after", 1)
    with pytest.raises(Killed):
        apply(plan(ledger), crm, ledger)
    crm.unreadable["find_tasks"] = NO_SCOPE
    done = apply(plan(ledger, "Risk-Inactive"), crm, ledger)
    assert (done.fields_written, done.tasks_opened) == (2, 0)
    assert {one.kind for one in ledger.unsettled(HUBSPOT.key)} == {"task_open"}
    crm.unreadable.clear()
    assert apply(plan(ledger, "Risk-Inactive"), crm, ledger).tasks_opened == 2
    assert len(crm.tasks) == 2


def test_a_task_that_came_late_and_was_finished_by_a_person_is_not_opened_over_their_words(crm, ledger):
    crm.lose_answers, crm.blind = True, 1
    done = apply(plan(ledger), crm, ledger)
    assert done.failed == 2
    crm.lose_answers = False
    crm.people(key("a"), status=TaskStatus.DONE)
    again = apply(plan(ledger), crm, ledger)
    assert again.tasks_opened == 2
    assert {state.key: state.status for state in crm.tasks.values()} == {
        key("a"): TaskStatus.DONE,
        key("b"): TaskStatus.OPEN,
    }
    assert set(ledger.episodes(HUBSPOT.key)["status"]) == {"done", "open"}


def test_absence_is_believed_a_grace_after_the_answer_was_lost_and_only_the_second_time(crm, ledger):
    crm.settle_after_s = 60.0
    crm.lose_answers, crm.blind = True, 1
    waited = []
    done = apply(plan(ledger), crm, ledger, pause=waited.append)
    assert waited == [60.0, 15.0]
    assert (done.tasks_opened, done.failed) == (2, 0)


def test_after_a_crash_the_grace_begins_where_the_longest_request_ends(crm, ledger):
    crm.settle_after_s = 60.0
    crm.kill = ("open_tasks", "before", 1)
    with pytest.raises(Killed):
        apply(plan(ledger), crm, ledger)
    waited = []
    later = NOON + timedelta(seconds=10)
    apply(plan(ledger), crm, ledger, now=later, pause=waited.append)
    assert waited[0] == settling.LONGEST_REQUEST.total_seconds() + 60.0 - 10.0


def test_an_apply_that_had_nothing_to_send_still_says_which_morning_was_delivered(crm, ledger):
    apply(plan(ledger), crm, ledger)
    apply(plan(ledger, as_of=MORNING + timedelta(days=1)), crm, ledger)
    assert ledger.last_as_of(HUBSPOT.key) == MORNING + timedelta(days=1)

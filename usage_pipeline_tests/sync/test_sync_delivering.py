"""A delivery on a person's terms: a few first, some only, stopped where the morning is unlike the last one."""

from dataclasses import replace

import pytest
from sync_builders import HUBSPOT, MORNING, NAMES, NOON, decision, frame, link, values
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm

from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import breaker, delivering, fitness, plans, rollback
from usage_pipeline.sync.breaker import Measures
from usage_pipeline.sync.delivering import Terms
from usage_pipeline.sync.narrowing import narrowed
from usage_pipeline.sync.redacting import redacted

ACCOUNTS = [f"a{number:03}" for number in range(100)]
IDS = {account: f"1{account}" for account in ACCOUNTS}
LINKS = frame(*(link(account, IDS[account]) for account in ACCOUNTS))


@pytest.fixture
def crm():
    crm = FakeCrm(*IDS.values())
    crm.rows_per_call = 50
    return crm


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


def plan(ledger, risk=20, **how):
    return planned(
        values(**{account: {"usage_churn_risk": str(risk + place // 2)} for place, account in enumerate(ACCOUNTS)}),
        how.pop("decisions", ()),
        LINKS,
        ledger.records(HUBSPOT.key, NAMES),
        ledger.episodes(HUBSPOT.key).to_dict("records"),
        ledger.quarantine(HUBSPOT.key).to_dict("records"),
        sequence=ledger.sequence(HUBSPOT.key),
        **how,
    )


def deliver(ledger, crm, terms=Terms(), risk=20):  # noqa: B008 - frozen
    return delivering.deliver(
        plan(ledger, risk), crm, ledger, terms, now=lambda: NOON, replan=lambda: plan(ledger, risk)
    )[0]


def written(crm):
    return sum(bool(fields) for fields in crm.companies.values())


def test_a_canary_that_is_refused_keeps_the_others_from_everything(crm, ledger):
    crm.refuse[IDS["a001"]] = Rejection.of(Cause.BUSINESS_RULE, "a rule says no")
    with pytest.raises(Rejected, match="of the first 3 accounts 1 were refused"):
        deliver(ledger, crm, Terms(canary=3))
    assert written(crm) == 2


def test_a_canary_that_arrives_is_followed_by_the_rest(crm, ledger):
    done = deliver(ledger, crm, Terms(canary=3))
    assert (done.records_written, written(crm)) == (100, 100)


def test_a_limit_and_a_selection_touch_nobody_else(crm, ledger):
    assert deliver(ledger, crm, Terms(accounts={"a007"})).records_written == 1
    assert deliver(ledger, crm, Terms(limit=5)).records_written == 5
    assert written(crm) == 6


def test_accounts_with_tasks_come_first_where_only_some_are_delivered(ledger):
    made = narrowed(plan(ledger, decisions=[decision("a050")]), limit=1)
    assert {change.account_id for change in made.fields} == {"a050"}


def test_who_approved_it_and_why_a_stop_was_overruled_stay_with_the_run(crm, ledger):
    deliver(ledger, crm, Terms(approved_by="the lead", override="new model"))
    (run,) = ledger.table("run").to_dict("records")
    assert (run["approved_by"], run["override"], run["state"]) == ("the lead", "new model", "finished")


def test_scores_that_moved_as_no_fleet_moves_stop_everything_before_the_first_write(crm, ledger):
    deliver(ledger, crm)
    writes = crm.calls.writes
    with pytest.raises(fitness.Tripped, match="usage_churn_risk has shifted"):
        deliver(ledger, crm, risk=80)
    assert crm.calls.writes == writes
    assert deliver(ledger, crm, Terms(override="the new model is right"), risk=80).records_written == 100


def test_a_fleet_that_moves_a_little_is_delivered(crm, ledger):
    deliver(ledger, crm)
    assert deliver(ledger, crm, risk=24).records_written == 100


BEFORE = Measures(1000, 950, 10, {"usage_churn_risk": [100] * 10})


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(BEFORE, accounts=500, matched=480), "500 accounts are delivered"),
        (replace(BEFORE, matched=500), "50% of the accounts are matched, 95% were"),
        (replace(BEFORE, new_tasks=400), "400 tasks would be opened at once"),
        (replace(BEFORE, scores={"usage_churn_risk": [0] * 10}), "has 0 scores, 1,000 last time"),
    ],
)
def test_the_breaker_names_what_has_moved(now, why):
    assert why in "; ".join(breaker.trips(now, BEFORE))


def test_the_breaker_lets_the_first_delivery_and_a_small_fleet_pass():
    assert breaker.trips(replace(BEFORE, accounts=1, matched=1), None) == []
    assert breaker.trips(replace(BEFORE, accounts=1), replace(BEFORE, accounts=10)) == []


def test_the_stability_index_is_that_of_its_definition():
    # Worked by hand: (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5)
    assert breaker.stability([50, 50], [60, 40]) == pytest.approx(0.0405, abs=1e-4)


def test_a_rollback_restores_what_was_there_and_withdraws_what_was_opened_since(crm, ledger):
    deliver(ledger, crm)
    first = ledger.table("run")["run"].iloc[0]
    made = plan(ledger, risk=26, decisions=[decision("a050")])
    later = NOON.replace(hour=13)
    delivering.deliver(made, crm, ledger, Terms(), now=lambda: later, replan=lambda: made)
    assert crm.companies[IDS["a003"]]["usage_churn_risk"] == "27"
    present = frame(*({"crm_id": one} | dict.fromkeys(NAMES) | held for one, held in crm.companies.items()))
    back = rollback.plan(crm, ledger, first, present, created_at=later)
    assert [task.account_id for task in back.closings] == ["a050"]
    delivering.deliver(back, crm, ledger, Terms(), now=lambda: later, replan=lambda: back)
    assert crm.companies[IDS["a003"]]["usage_churn_risk"] == "21"


def test_a_rollback_to_a_run_that_nobody_knows_is_refused(crm, ledger):
    with pytest.raises(Rejected, match="no run"):
        rollback.plan(crm, ledger, "nothing", frame(columns=["crm_id"]), created_at=NOON)


def test_a_redacted_plan_tells_no_account_and_cannot_be_applied(crm, ledger):
    made = redacted(plan(ledger, decisions=[decision("a050")]))
    assert not any(word in plans.write([made]) for word in ("a050", "Use fell", '"29"'))
    with pytest.raises(Rejected, match="redacted"):
        delivering.deliver(made, crm, ledger, Terms(), now=lambda: NOON, replan=lambda: made)
    assert made.as_of == MORNING

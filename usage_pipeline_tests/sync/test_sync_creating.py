"""Companies that the CRM does not have: created where the mapping says so, once, and never in place of a lost one."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from crm_sandbox import running
from sync_builders import HUBSPOT, MORNING, NAMES, NO_DECISION, NOON, decision, frame, link, values
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm, Killed

from usage_pipeline.company import Company, Events
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sources import crm as crm_source
from usage_pipeline.sync import applying, plans, preparing, wanted
from usage_pipeline.sync.narrowing import narrowed
from usage_pipeline.sync.redacting import redacted

KEY = "product_account_id"
NEW = values(a={"usage_cohort": "New"}, b={"usage_cohort": "New"}, c={"usage_cohort": "New"})
LINKS = frame(link("a", "101"), link("b", state="unmatched"), link("c", state="archived"))
COMPANY = Company(company="test", events=(Events(format="segment"),))


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


def plan(ledger=None, mode="upsert", links=LINKS, **how):
    known = {} if ledger is None else {"acks": ledger.records(HUBSPOT.key, NAMES)}
    if ledger is not None:
        known |= {"quarantine": ledger.quarantine(HUBSPOT.key).to_dict("records")}
        known |= {"sequence": ledger.sequence(HUBSPOT.key)}
    return planned(NEW, links=links, mode=mode, account_key=KEY, **known, **how)


def apply(made, crm, ledger, now=NOON, pause=lambda _: None):
    return applying.apply(made, crm, ledger, now=lambda: now, pause=pause)


def test_by_default_no_company_is_created():
    made = plan(mode="update_only")
    assert (made.creations, {change.account_id for change in made.fields}) == ((), {"a"})


def test_upsert_creates_what_never_was_and_writes_what_is_there():
    made = plan()
    (creation,) = made.creations
    assert (creation.account_id, creation.name, creation.domain) == ("b", "Company b", "b.com")
    assert creation.fields == {"usage_cohort": "New"}
    assert {change.account_id for change in made.fields} == {"a"}


def test_create_only_changes_no_record_that_is_there():
    made = plan(mode="create_only", decisions=[decision("a")])
    assert [one.account_id for one in made.creations] == ["b"]
    assert made.fields == ()
    assert [task.account_id for task in made.new_tasks] == ["a"]


@pytest.mark.parametrize("state", ["ambiguous", "merged", "archived", "deleted", "missing"])
def test_nothing_is_created_for_an_account_that_had_a_record_or_may_have_one(state):
    assert plan(links=frame(link("b", state=state))).creations == ()


def test_a_record_that_is_gone_is_told_with_what_became_of_it():
    assert plan().strays == (("c", "it is archived"),)


def test_a_plan_with_creations_survives_its_file_and_can_be_narrowed_and_redacted():
    made = plan()
    assert plans.read(plans.write([made])) == [made]
    assert narrowed(made, accounts={"a"}).creations == ()
    assert "Company b" in made.to_markdown()
    assert "Company b" not in redacted(made).to_markdown()


def test_a_created_company_is_its_accounts_from_then_on(ledger):
    crm = FakeCrm("101")
    done = apply(plan(ledger), crm, ledger)
    assert (done.records_created, done.records_written, done.failed) == (1, 1, 0)
    created = ledger.links(HUBSPOT.key)["b"]
    assert (crm.companies[created], crm.keys[created]) == ({"usage_cohort": "New"}, "b")
    next_morning = plan(ledger, links=frame(link("a", "101"), link("b", created)), as_of=MORNING + timedelta(days=1))
    assert next_morning.is_empty


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", [Class.IDEMPOTENT, Class.UNSAFE])
def test_a_run_killed_around_a_creation_makes_one_company(ledger, when, how):
    crm = FakeCrm("101")
    crm.opening_class, crm.settle_after_s = how, 60.0 if how is Class.UNSAFE else 0.0
    crm.kill = ("create_records", when, 1)
    with pytest.raises(Killed):
        apply(plan(ledger), crm, ledger)
    apply(plan(ledger), crm, ledger, now=NOON + timedelta(minutes=5))
    assert crm.delivered["created", "b"] == 1
    assert ledger.unsettled(HUBSPOT.key) == []


def test_a_company_that_arrived_late_is_found_before_it_is_sent_again(ledger):
    crm = FakeCrm("101")
    crm.refuse = {"b": Rejection.of(Cause.TRANSIENT, "busy")}
    assert apply(plan(ledger), crm, ledger).failed == 1
    crm.refuse = {}
    crm.companies["102"], crm.keys["102"] = {}, "b"
    done = apply(plan(ledger), crm, ledger)
    assert (done.records_created, crm.delivered["created", "b"]) == (1, 0)
    assert crm.companies["102"] == {"usage_cohort": "New"}


def test_a_company_that_is_there_twice_by_now_is_not_made_a_third_time(ledger):
    crm = FakeCrm("101")
    crm.refuse = {"b": Rejection.of(Cause.TRANSIENT, "busy")}
    apply(plan(ledger), crm, ledger)
    crm.refuse = {}
    crm.companies |= {"102": {}, "103": {}}
    crm.keys |= {"102": "b", "103": "b"}
    done = apply(plan(ledger), crm, ledger)
    assert (done.records_created, done.quarantined, crm.delivered["created", "b"]) == (0, 1, 0)
    assert ledger.quarantine(HUBSPOT.key)["cause"].tolist() == ["identity"]


def test_a_refused_creation_waits_in_quarantine_until_it_is_another(ledger):
    crm = FakeCrm("101")
    crm.refuse = {"b": Rejection.of(Cause.BUSINESS_RULE, "a rule of theirs")}
    assert apply(plan(ledger), crm, ledger).quarantined == 1
    assert plan(ledger).creations == ()
    assert [one.account_id for one in plan(ledger, as_of=MORNING + timedelta(days=1)).creations] == ["b"]


# -- against the sandbox -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@contextmanager
def portal(sandbox, name, url):
    sandbox.stock(("Acme", "a", "a.com"))
    crm, ledger = sandbox.client(name), Ledger(url)
    preparing.provision(crm, ledger)
    try:
        yield crm, ledger
    finally:
        ledger.close()


def delivered(crm, ledger, day):
    """One morning with the records read anew: how the plan ended, and the state of each account's link."""
    accounts = frame(*({"account_id": one, "name": f"Company {one}", "domain": f"{one}.com"} for one in "abc"))
    records = crm_source.read(crm, COMPANY)
    links = crm_source.links(crm, accounts, ledger, COMPANY, NOON, records=records)
    made = preparing.plan(
        crm,
        ledger,
        NEW,
        wanted.tasks(NO_DECISION),
        links,
        as_of=day,
        created_at=NOON,
        present=crm_source.present(records),
        account_key=crm_source.account_key(crm, COMPANY),
        mode="upsert",
    )
    done = applying.apply(made, crm, ledger, now=lambda: NOON, pause=lambda _: None, allow_old_morning=True)
    return done, dict(zip(links["account_id"], links["state"], strict=True))


@pytest.mark.parametrize("fault", [None, "drop_after_commit", "drop"])
@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_companies_arrive_once_in_either_crm_whatever_becomes_of_the_answer(sandbox, tmp_path, name, fault):
    with portal(sandbox, name, f"sqlite:///{tmp_path}/ledger.sqlite") as (crm, ledger):
        if fault:
            sandbox.post("faults", crm=name, match="POST .*(batch/create|composite/sobjects)", kind=fault)
        first, _ = delivered(crm, ledger, MORNING)
        second, _ = delivered(crm, ledger, MORNING + timedelta(days=1))
        third, states = delivered(crm, ledger, MORNING + timedelta(days=2))
        records = crm.records(crm_source.account_key(crm, COMPANY), CONTRACT)
        assert sorted(record.account_key for record in records) == ["a", "b", "c"]
        assert {record.fields["usage_cohort"] for record in records} == {"New"}
        assert first.records_created + second.records_created == 2
        assert third.is_nothing
        assert set(states.values()) == {"matched"}


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_a_company_that_a_person_deleted_is_not_put_back(sandbox, tmp_path, name):
    with portal(sandbox, name, f"sqlite:///{tmp_path}/ledger.sqlite") as (crm, ledger):
        delivered(crm, ledger, MORNING)
        sandbox.delete(f"companies/{name}/{ledger.links(crm.instance().key)['b']}")
        done, states = delivered(crm, ledger, MORNING + timedelta(days=1))
        assert (done.records_created, states["b"]) == (0, {"hubspot": "archived", "salesforce": "deleted"}[name])
        assert len(crm.records(crm_source.account_key(crm, COMPANY), CONTRACT)) == 2

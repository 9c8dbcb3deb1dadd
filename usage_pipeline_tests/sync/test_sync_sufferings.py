"""What people suffer from in other tools, delivered whole: read, plan, apply, against the sandbox (docs/sufferings.md)."""

from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from crm_sandbox import running
from sync_builders import decision, frame, values

from usage_pipeline import frames
from usage_pipeline.company import Company, Events
from usage_pipeline.crm.client import NOTE_MARK, TaskChange, TaskText
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sources import crm as crm_source
from usage_pipeline.sync import applying, exports, preparing, wanted

COMPANY = Company(company="test", events=(Events(format="segment"),))
FIRST = date(2026, 5, 4)
ACCOUNTS = tuple(f"a{number}" for number in range(1, 8))
NEW = {account: {"usage_cohort": "New"} for account in ACCOUNTS}
RISK = {account: {"usage_cohort": "Risk-Inactive"} for account in ACCOUNTS}
WAYS = ("hubspot", "hubspot without a unique key", "salesforce")
OPENINGS = "tasks/batch/(upsert|create)|composite/sobjects/Task"


@dataclass
class Mornings:
    """One CRM, one ledger, a delivery a day, and a clock that goes on where somebody sleeps."""

    sandbox: object
    name: str
    ledger_url: str
    at: datetime = datetime(2026, 5, 4, 6)
    rows_per_call: int = 4

    def now(self):
        self.at += timedelta(milliseconds=1)
        return self.at

    def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)

    def client(self):
        crm = self.sandbox.client(self.name, sleep=self.sleep)
        crm.rows_per_call, crm.rows_at_once = self.rows_per_call, lambda _rows: self.rows_per_call
        return crm

    def ledger(self):
        return closing(Ledger(self.ledger_url))

    def records(self):
        return {record.account_key: record for record in crm_source.read(self.client(), COMPANY)}

    def plan(self, fields, tasks, crm, ledger):
        crm_source.past_actions(ledger, {crm.name: crm}, self.at.date())
        there = crm_source.read(crm, COMPANY)
        accounts = frame(*({"account_id": one, "name": f"Company {one}", "domain": None} for one in fields))
        links = crm_source.links(crm, accounts, ledger, COMPANY, self.now(), records=there)
        decisions = [decision(account, since=FIRST) for account in tasks]
        return preparing.plan(
            crm,
            ledger,
            values(**fields),
            wanted.tasks(frame(*decisions, columns=decision())),
            links,
            as_of=self.at.date(),
            created_at=self.now(),
            present=crm_source.present(there),
            first_tasks_per_owner=None,
        )

    def deliver(self, fields=NEW, tasks=(), *, meanwhile=lambda: None):
        """Read, plan and apply; `meanwhile` is what people do between plan and apply."""
        self.at += timedelta(days=1)
        crm = self.client()
        with self.ledger() as ledger:
            preparing.provision(crm, ledger)
            made = self.plan(fields, tasks, crm, ledger)
            meanwhile()
            return applying.apply(made, crm, ledger, now=self.now, pause=self.sleep)

    def rejections(self):
        with self.ledger() as ledger:
            return {row["key"]: row for row in frames.rows(exports.rejection(ledger))}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(params=WAYS)
def mornings(request, sandbox, tmp_path):
    sandbox.stock(*((f"Company {account}", account, None) for account in ACCOUNTS))
    name, _, is_keyless = request.param.partition(" ")
    sandbox.post("settings", tasks_unique_property="blocked" if is_keyless else "allowed")
    yield Mornings(sandbox, name, f"sqlite:///{tmp_path}/ledger.sqlite")
    sandbox.delete("faults")
    sandbox.post("faults/mend")
    sandbox.post(
        "settings", tasks_unique_property="allowed", search_lag_seconds=0, partial_success="create_update_upsert"
    )


two_ways = pytest.mark.parametrize("mornings", ["hubspot", "salesforce"], indirect=True)


def cohorts(mornings):
    return {account: record.fields["usage_cohort"] for account, record in mornings.records().items()}


def tasks_of(mornings):
    return sorted(task["account_key"] for task in mornings.sandbox.tasks(mornings.name))


@pytest.mark.parametrize("fault", ["drop_after_commit", "gateway_timeout_after_commit", "torn_answer"])
def test_no_task_is_there_twice_after_answers_that_never_came(sandbox, mornings, fault):
    sandbox.post("faults", crm=mornings.name, match=OPENINGS, kind=fault, times=99)
    mornings.deliver(tasks=ACCOUNTS)
    sandbox.delete("faults")
    mornings.deliver(tasks=ACCOUNTS)
    assert tasks_of(mornings) == sorted(ACCOUNTS)
    assert mornings.deliver(tasks=ACCOUNTS).is_nothing


def test_no_task_and_no_company_is_there_twice_where_search_lags_behind(sandbox, mornings):
    sandbox.post("settings", search_lag_seconds=3600)
    mornings.deliver(tasks=ACCOUNTS)
    mornings.deliver(RISK, ACCOUNTS)
    assert tasks_of(mornings) == sorted(ACCOUNTS)
    assert len(mornings.records()) == len(ACCOUNTS)
    log = sandbox.get("log", crm=mornings.name, limit=20_000)
    assert [one["path"] for one in log if one["path"].endswith("/search")] == []


@two_ways
@pytest.mark.parametrize("alone", ["create_update_upsert", "create"])
def test_one_bad_row_costs_the_batch_nothing_and_is_named_with_its_fix(sandbox, mornings, alone):
    sandbox.post("settings", partial_success=alone)
    done = mornings.deliver(NEW | {"a3": {"usage_cohort": "Nonsense"}})
    assert (done.records_written, done.quarantined, done.failed) == (6, 1, 0)
    assert cohorts(mornings) == dict.fromkeys(ACCOUNTS, "New") | {"a3": None}
    (rejected,) = mornings.rejections().values()
    assert (rejected["key"], rejected["cause"]) == ("a3", "schema")
    assert "Nonsense" in rejected["detail"]
    assert rejected["fix"]


@two_ways
def test_what_is_confirmed_of_each_record_is_what_it_holds_whatever_the_order_of_the_answer(sandbox, mornings):
    fields = {account: {"usage_churn_risk": str(10 + place)} for place, account in enumerate(ACCOUNTS)}
    mornings.deliver(fields | {"a2": {"usage_cohort": "Nonsense"}}, ACCOUNTS)
    there = mornings.records()
    with mornings.ledger() as ledger:
        confirmed = {row["account_id"]: row for row in frames.rows(exports.acknowledged(ledger))}
        episodes = {row["task_key"]: row["task_id"] for row in frames.rows(ledger.episodes())}
    assert sorted(confirmed) == [account for account in ACCOUNTS if account != "a2"]
    assert {one: row["value"] for one, row in confirmed.items()} == {
        one: there[one].fields["usage_churn_risk"] for one in confirmed
    }
    assert episodes == {task["task_key"]: task["id"] for task in sandbox.tasks(mornings.name)}
    assert len(episodes) == len(ACCOUNTS)


@two_ways
def test_a_value_that_the_crm_spells_its_own_way_is_no_difference_the_next_morning(mornings):
    said = {
        "usage_churn_risk": "81.30",
        "usage_health": "50.0",
        "usage_churn_tier": "red ",
        "usage_churn_reasons": " fell;\r\n“quoted”, and more\n",
        "usage_scored_at": "2026-05-04T00:00:00Z",
        "usage_model_version": "",
    }
    fields = {
        account: {name: CONTRACT.field(name).canonical(one) for name, one in said.items()} for account in ACCOUNTS
    }
    assert mornings.deliver(fields).records_written == len(ACCOUNTS)
    again = mornings.deliver(fields)
    assert again.is_nothing
    assert (again.edits_restored, again.held_back) == (0, 0)


@two_ways
def test_a_record_deleted_between_plan_and_apply_is_named_and_nothing_is_created_in_its_place(sandbox, mornings):
    gone = mornings.records()["a4"].crm_id
    done = mornings.deliver(tasks=["a4"], meanwhile=lambda: sandbox.delete(f"companies/{mornings.name}/{gone}"))
    assert (done.records_written, done.quarantined) == (6, 2)
    assert sorted(mornings.records()) == [account for account in ACCOUNTS if account != "a4"]
    assert mornings.sandbox.tasks(mornings.name) == []
    assert {row["cause"] for row in mornings.rejections().values()} == {"identity"}


@two_ways
def test_an_account_merged_between_plan_and_apply_has_its_fields_and_one_task_on_the_survivor_the_next_morning(
    sandbox, mornings
):
    (twin,) = sandbox.add(("Company a4, again", None, None))
    loser = mornings.records()["a4"].crm_id

    def merge():
        sandbox.post(f"companies/{mornings.name}/{loser}/merge", into=twin[mornings.name])

    done = mornings.deliver(tasks=["a4"], meanwhile=merge)
    # In HubSpot the old id leads to the survivor; Salesforce refuses it, and the next reading finds the survivor.
    expected = {"hubspot": (7, 0), "salesforce": (6, 2)}[mornings.name]
    assert (done.records_written, done.quarantined) == expected
    mornings.deliver(tasks=["a4"])
    survivor = mornings.records()["a4"]
    assert survivor.crm_id != loser
    assert survivor.fields["usage_cohort"] == "New"
    assert [task["company_id"] for task in sandbox.tasks(mornings.name)] == [survivor.crm_id]
    assert mornings.deliver(tasks=["a4"]).is_nothing
    assert mornings.rejections() == {}


@two_ways
def test_a_key_that_two_records_hold_is_nobodys_and_is_counted(sandbox, mornings):
    sandbox.add(("Company a5, again", "a5", None))
    done = mornings.deliver(tasks=["a5", "a6"])
    assert (done.ambiguous, done.records_written, done.tasks_opened) == (1, 6, 1)
    there = [record for record in crm_source.read(mornings.client(), COMPANY) if record.account_key == "a5"]
    assert [record.fields["usage_cohort"] for record in there] == [None, None]


@two_ways
@pytest.mark.parametrize("kind", ["permission_revoked", "field_deleted"])
def test_a_field_that_is_hidden_or_deleted_meanwhile_is_named_and_arrives_once_it_is_back(sandbox, mornings, kind):
    match = {"hubspot": "companies/batch/update", "salesforce": "PATCH .*composite/sobjects"}[mornings.name]
    mornings.deliver()
    sandbox.post("faults", crm=mornings.name, match=match, kind=kind)
    done = mornings.deliver(RISK)
    assert done.quarantined > 0
    assert {row["cause"] for row in mornings.rejections().values()} <= {"schema", "permission"}
    sandbox.delete("faults")
    sandbox.post("faults/mend")
    mornings.deliver(RISK)
    assert cohorts(mornings) == dict.fromkeys(ACCOUNTS, "Risk-Inactive")
    assert mornings.rejections() == {}


@two_ways
def test_a_day_whose_calls_another_tool_used_up_loses_nothing_and_the_rest_goes_the_next_day(sandbox, mornings):
    match = {"hubspot": "companies/batch/update", "salesforce": "PATCH .*composite/sobjects"}[mornings.name]
    sandbox.post("faults", crm=mornings.name, match=match, kind="quota_exhausted", after=1)
    done = mornings.deliver(tasks=ACCOUNTS)
    assert (done.records_written, done.tasks_opened, done.quarantined) == (4, 0, 0)
    sandbox.delete("faults")
    rest = mornings.deliver(tasks=ACCOUNTS)
    assert (rest.records_written, rest.tasks_opened) == (3, 7)
    assert tasks_of(mornings) == sorted(ACCOUNTS)


def test_a_note_to_a_task_that_a_person_has_in_hand_is_there_once_though_its_answers_were_lost(sandbox, mornings):
    mornings.deliver(tasks=["a1"])
    (task,) = sandbox.tasks(mornings.name)
    written = TaskText("Call a1", "Use fell.", "high")
    theirs = TaskText("Call a1", "Use fell. I called them on Monday.", "high")
    # What a person does in the CRM.
    edited = mornings.client().change_tasks([TaskChange(task["task_key"], task["id"], written, theirs)])
    assert [one.outcome for one in edited] == ["ok"]
    sandbox.post(
        "faults", crm=mornings.name, match="tasks/batch/update|PATCH .*composite", kind="drop_after_commit", times=99
    )
    mornings.deliver()
    sandbox.delete("faults")
    mornings.deliver()
    (state,) = mornings.client().task_states([task["id"]]).values()
    assert state.text.body.startswith(theirs.body)
    assert state.text.body.count(NOTE_MARK) == 1
    assert mornings.deliver().is_nothing

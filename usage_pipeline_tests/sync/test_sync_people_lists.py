"""Contacts and cohort lists in HubSpot: found by address, moved by cohort, and put right after a crash."""

from contextlib import contextmanager
from datetime import date, timedelta

import pytest
import requests
from crm_sandbox import running
from sync_builders import MORNING, NO_DECISION, NOON, frame, link, values

from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying, audiences, people, plans, preparing, rollback, wanted
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.narrowing import narrowed
from usage_pipeline.sync.plan_rows import Move

CONTACTS = CONTRACT.of_contacts
NOTHING_HELD = Held(frame(columns=("kind", "key", "payload_hash", "cause", "as_of")), MORNING)
HEADERS = {"Authorization": "Bearer sandbox-token"}
POWER, NEW = (audiences.list_of(cohort) for cohort in ("Activated-Power", "New"))


def persona(user="u1", account="a", *, days=14, kind="Power", last=date(2026, 5, 3)):
    return {"account_id": account, "user_id": user, "persona": kind, "active_days_28d": days, "last_used_on": last}


def user(user_id="u1", email="Kim@Acme.com"):
    return {"user_id": user_id, "email": email}


def wanted_people(*personas, users=None):
    return people.wanted(frame(*personas), frame(*(users or [user()])), CONTACTS)


def test_a_person_is_known_by_an_address_in_lower_case_and_by_the_account_they_use_most():
    found = wanted_people(
        persona("u1", "a", days=2), persona("u2", "b", days=20), users=[user(), user("u2", "kim@acme.com ")]
    )
    assert found[["email", "user_id", "account_id", "usage_active_days"]].values.tolist() == [
        ["kim@acme.com", "u2", "b", "20"]
    ]


def test_a_person_without_an_address_is_not_looked_for():
    assert wanted_people(persona(), users=[user(email=None)]).empty


def test_two_contacts_with_one_address_get_nothing():
    confirmed = frame(columns=("crm_id", "account_id", "written_on", *(field.name for field in CONTACTS.fields)))
    told = people.changes(
        wanted_people(persona()), {"kim@acme.com": ["1", "2"]}, {}, confirmed, NOTHING_HELD, MORNING, CONTACTS
    )
    assert told.changes == ()


def test_a_company_joins_the_list_of_its_cohort_and_leaves_the_one_it_was_on():
    wants = values(a={"usage_cohort": "Activated-Power"}, b={"usage_cohort": None}, c={"usage_cohort": "New"})
    members = {POWER: {"102"}, NEW: {"101", "103", "999"}}
    moves = audiences.moves(wants, {"a": "101", "b": "102", "c": "103"}, members, NOTHING_HELD)
    # b is hidden, and 999 was put there by somebody else.
    assert moves == [
        Move("a", "101", POWER, joins=True),
        Move("b", "102", POWER, joins=False),
        Move("a", "101", NEW, joins=False),
    ]


# -- against the sandbox -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@contextmanager
def portal(sandbox, url):
    ids = [one["hubspot"] for one in sandbox.stock(("Acme", "a", "a.com"), ("Bolt", "b", "b.com"))]
    body = {"properties": {"email": "kim@acme.com", "firstname": "Kim"}}
    made = requests.post(f"{sandbox.url}/crm/objects/2026-03/contacts", json=body, headers=HEADERS, timeout=10)
    crm, ledger = sandbox.client("hubspot", has_contacts=True, has_lists=True), Ledger(url)
    preparing.provision(crm, ledger)
    try:
        yield crm, ledger, ids, made.json()["id"]
    finally:
        ledger.close()


@pytest.fixture
def world(sandbox, tmp_path):
    with portal(sandbox, f"sqlite:///{tmp_path}/ledger.sqlite") as found:
        yield found


def planned(world, cohorts, personas, day=MORNING):
    crm, ledger, ids, _ = world
    links = frame(*(link(account, one, instance=crm.instance()) for account, one in zip("ab", ids, strict=True)))
    return preparing.plan(
        crm,
        ledger,
        values(**{account: {"usage_cohort": cohort} for account, cohort in cohorts.items()}),
        wanted.tasks(NO_DECISION),
        links,
        as_of=day,
        created_at=NOON + (day - MORNING),
        wanted_people=wanted_people(*personas),
    )


def delivered(world, cohorts, personas, day=MORNING):
    crm, ledger, _, _ = world
    made, noon = planned(world, cohorts, personas, day), NOON + (day - MORNING)
    return applying.apply(made, crm, ledger, now=lambda: noon, pause=lambda _: None, allow_old_morning=True)


def on(world):
    crm, _, ids, _ = world
    account = dict(zip(ids, "ab", strict=True))
    lists = {name: crm.lists.find_list(name) for name in (POWER, NEW)}
    return {name: sorted(account[one] for one in crm.lists.members(found)) for name, found in lists.items() if found}


def test_contacts_and_lists_arrive_and_the_second_time_nothing_is_sent(world):
    crm, _, _, contact = world
    cohorts = {"a": "Activated-Power", "b": "New"}
    done = delivered(world, cohorts, [persona()])
    assert (done.contact_fields_written, done.list_moves, done.failed) == (3, 2, 0)
    assert crm.contacts.values([contact], CONTACTS)[contact] == {
        "usage_persona": "Power",
        "usage_active_days": "14",
        "usage_last_used": "2026-05-03",
    }
    assert on(world) == {POWER: ["a"], NEW: ["b"]}
    assert delivered(world, cohorts, [persona()]).is_nothing


def test_a_move_goes_from_list_to_list_and_a_person_who_left_is_emptied(world):
    crm, _, _, contact = world
    delivered(world, {"a": "New", "b": "New"}, [persona()])
    delivered(world, {"a": "Activated-Power", "b": "New"}, [persona("u9")], MORNING + timedelta(days=1))
    assert on(world) == {POWER: ["a"], NEW: ["b"]}
    assert set(crm.contacts.values([contact], CONTACTS)[contact].values()) == {None}


@pytest.mark.parametrize("fault", ["drop_after_commit", "drop", "status_after_commit"])
@pytest.mark.parametrize("match", ["contacts/batch/update", "memberships"])
def test_a_lost_answer_leaves_contacts_and_lists_as_they_are_wanted(sandbox, world, match, fault):
    crm, ledger, _, contact = world
    sandbox.post("faults", crm="hubspot", match=f"(POST|PUT) .*{match}", kind=fault, status=503)
    cohorts = {"a": "Activated-Power", "b": "New"}
    delivered(world, cohorts, [persona()])
    delivered(world, cohorts, [persona()], MORNING + timedelta(days=1))
    assert on(world) == {POWER: ["a"], NEW: ["b"]}
    assert crm.contacts.values([contact], CONTACTS)[contact]["usage_persona"] == "Power"
    assert ledger.unsettled(crm.instance().key) == []


def test_a_run_that_ended_in_the_middle_is_settled_by_reading(world, monkeypatch):
    crm, ledger, _, _ = world
    cohorts = {"a": "Activated-Power", "b": "New"}
    made = planned(world, cohorts, [persona()])
    real = crm.lists.change_members

    class Killed(BaseException):
        """Stands for SIGKILL."""

    def killed(*given):
        real(*given)
        raise Killed

    monkeypatch.setattr(crm.lists, "change_members", killed)
    with pytest.raises(Killed):
        applying.apply(made, crm, ledger, now=lambda: NOON, pause=lambda _: None, allow_old_morning=True)
    monkeypatch.setattr(crm.lists, "change_members", real)
    delivered(world, cohorts, [persona()])
    assert on(world) == {POWER: ["a"], NEW: ["b"]}
    assert ledger.unsettled(crm.instance().key) == []


def test_a_rollback_gives_contacts_back_what_they_held(world):
    crm, ledger, _, contact = world
    delivered(world, {"a": "New"}, [persona(kind="Regular", days=5)])
    delivered(world, {"a": "New"}, [persona()], MORNING + timedelta(days=1))
    runs = ledger.table("run").sort_values("as_of")["run"].tolist()
    later = NOON + timedelta(days=1, minutes=1)
    back = rollback.plan(crm, ledger, runs[0], frame(columns=("crm_id",)), created_at=later)
    assert {(one.field, one.new) for one in back.people} >= {("usage_persona", "Regular"), ("usage_active_days", "5")}
    applying.apply(back, crm, ledger, now=lambda: later, pause=lambda _: None, allow_old_morning=True)
    assert crm.contacts.values([contact], CONTACTS)[contact]["usage_persona"] == "Regular"


def test_a_plan_with_people_and_moves_survives_its_file_and_can_be_narrowed(world):
    made = planned(world, {"a": "Activated-Power", "b": "New"}, [persona()])
    assert plans.read(plans.write([made])) == [made]
    assert "lists: 2 join, 0 leave" in made.to_markdown()
    part = narrowed(made, accounts={"b"})
    assert (part.people, [move.account_id for move in part.moves]) == ((), ["b"])


def test_a_portal_that_grants_no_lists_says_which_scope_it_lacks(sandbox, world):
    sandbox.post("settings", hubspot_missing_scopes=["crm.lists.read"])
    try:
        with pytest.raises((Rejected, Unavailable), match=r"crm\.lists\.read"):
            planned(world, {"a": "New"}, [persona()])
    finally:
        sandbox.post("settings", hubspot_missing_scopes=[])

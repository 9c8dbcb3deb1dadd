"""Forgetting a person: nothing under the home names them, the rest is as if they had never come, and they stay away."""

import json
import shutil
import sqlite3
import stat
from datetime import date, datetime

import pytest
from forget_home import ANN, ANNS_ADDRESS, BOB, call, everything, land, naming, opened, rows, write
from sqlalchemy import insert

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import Instance, RowResult
from usage_pipeline.defs import place as places
from usage_pipeline.events import catalogue as events
from usage_pipeline.ledger import erasing, schema
from usage_pipeline.run import forgetting
from usage_pipeline.sources import catalogue as sources
from usage_pipeline.usage import catalogue as usage

# Each lands and rolls up a small home of its own, some several.
pytestmark = pytest.mark.slow
AT = datetime(2026, 5, 11)
NAMES = (ANN, ANNS_ADDRESS, f"browser-of-{ANN}")


class Contacts:
    def __init__(self):
        self.held = {"c1": {"usage_persona": "Power"}, "c2": {"usage_persona": "Dormant"}}
        self.fails = False

    def find(self, keys, by):
        return {key: [CrmId("c1")] for key in keys if by == "email" and key == ANNS_ADDRESS.lower()}

    def values(self, ids, contract):
        return {one: {field.name: self.held[one].get(field.name) for field in contract.fields} for one in ids}

    def write(self, batch, contract):  # noqa: ARG002
        for row in batch:
            self.held[row.crm_id] = {name: value for name, value in row.values.items() if value}
        return [RowResult(row.key, "unknown" if self.fails else "ok") for row in batch]


class Crm:
    name, rows_per_call = "hubspot", 100

    def __init__(self):
        self.contacts = Contacts()

    def instance(self):
        return Instance("hubspot", "1", is_sandbox=True)


@pytest.fixture
def crm(monkeypatch):
    made = Crm()
    monkeypatch.setattr(places.Opened, "crms", lambda _: {"hubspot": made})
    return made


@pytest.fixture
def home(tmp_path, monkeypatch, crm):
    write(tmp_path / "home", everything())
    place = opened(tmp_path / "home", monkeypatch)
    land(place)
    yield place
    place.ledger.close()


def forget(place, *names, really=True):
    return forgetting.forget(
        place, names or (ANN,), asked_by="a tester", reason=None, really=really, progress=lambda _: None
    )


def fill_ledger(place):
    operation = {
        "run": "r", "instance": "hubspot:1", "as_of": date(2026, 5, 5), "object": "contact", "account_id": "a1",
        "payload_hash": "h", "class": "idempotent", "attempts": 1, "planned_at": AT,
    }  # fmt: skip
    with place.ledger._writing.begin() as connection:
        for number, (key, state) in enumerate(((ANN, "ok"), (ANN, "unknown"), (BOB, "ok"))):
            one = {"operation": f"{number}", "kind": "contact_fields", "key": key, "state": state}
            connection.execute(insert(schema.operation).values(**operation, **one, payload=json.dumps({"of": key})))
        connection.execute(
            insert(schema.episode).values(
                instance="hubspot:1", task_key="t", account_id="a1", play="p", episode="e", task_id="1", crm_id="2",
                subject=f"Call {ANNS_ADDRESS}", body="b", priority="high", due_on=date(2026, 5, 9),
                opened_on=date(2026, 5, 5), status="done", is_touched=True, answer=f"spoke with {ANN} and {BOB}",
            )
        )  # fmt: skip
        connection.execute(
            insert(schema.record).values(
                instance="hubspot:1", object="contact", crm_id="c1", account_id=ANN, fields="{}",
                written_on=date(2026, 5, 5), at=AT,
            )
        )  # fmt: skip


def test_nothing_under_the_home_names_the_forgotten(home):
    fill_ledger(home)
    for name in ("plans", "dagster", "reports"):
        (home.home.path / name).mkdir(exist_ok=True)
    (home.home.path / "plans" / "p.json").write_text(json.dumps({"user_id": ANN}))
    (home.home.path / "reports" / "r.html").write_text(f"<p>{ANNS_ADDRESS} and {BOB}</p>")
    with sqlite3.connect(home.home.path / "dagster" / "runs.db") as connection:
        connection.execute("CREATE TABLE event (body TEXT)")
        connection.execute("INSERT INTO event VALUES (?)", [f"a plan for {ANN}"])
    assert len(naming(home.home.path, *NAMES)) > 15
    forget(home)
    home.ledger.close()
    assert naming(home.home.path, *NAMES) == []
    assert naming(home.home.path, BOB)
    assert (home.home.path / "reports" / "r.html").read_text() == f"<p>(forgotten) and {BOB}</p>"


def test_rollups_are_as_if_the_forgotten_had_never_come(home, tmp_path, monkeypatch):
    forget(home)
    without = [one for one in everything() if one["userId"] != ANN]
    write(tmp_path / "other", without, users=(BOB,))
    other = opened(tmp_path / "other", monkeypatch)
    land(other)
    for table in (*usage.TABLES, events.IDENTITY_LINK, events.NAMING, events.TALLY, sources.USER):
        assert rows(home.lake, table) == rows(other.lake, table), table.key
    kept = [
        {name: row[name] for name in ("event_id", "user_id", "ts", "known_at", "account_id")}
        for row in rows(home.lake, events.EVENT)
    ]
    assert {row["user_id"] for row in kept} == {BOB}
    assert len(kept) == len(rows(other.lake, events.EVENT))


def test_what_the_forgotten_sent_stays_accounted_for(home):
    (before,) = rows(home.lake, events.BATCH)
    forget(home)
    (after,) = rows(home.lake, events.BATCH)
    assert (before["received"], before["duplicates"], before["rejected"]) == (29, 1, 2)
    assert (after["received"], after["duplicates"]) == (29, 0)
    assert after["accepted"] == sum(row["user_id"] == BOB for row in rows(home.lake, events.EVENT))
    assert after["received"] == after["accepted"] + after["duplicates"] + after["rejected"]
    refused = rows(home.lake, events.REJECTED)
    assert len(refused) == after["rejected"]
    assert {row["raw"] for row in refused if row["reason"] == "forgotten"} == {""}


def test_the_same_files_are_not_landed_again(home):
    forget(home)
    came = land(home)
    assert came.batches == 0
    assert naming(home.home.path, *NAMES) == []


def test_every_other_line_keeps_its_number(home):
    before = {row["event_id"]: row["line"] for row in rows(home.lake, events.EVENT) if row["user_id"] == BOB}
    forget(home)
    (home.home.path / "landed" / "landing.json").unlink()
    for table in (events.BATCH, events.EVENT, events.REJECTED, events.IDENTITY_CALL, events.NAMING, events.TALLY):
        shutil.rmtree(home.lake.uri(table))
    land(home)
    after = {row["event_id"]: row["line"] for row in rows(home.lake, events.EVENT)}
    assert after == before


def test_a_new_file_does_not_bring_the_forgotten_back(home):
    forget(home)
    new = [call(201, ANN, day=8), call(202, BOB, day=8), call(203, BOB, day=8, properties={"to": ANNS_ADDRESS})]
    new += [call(204, "another-id", type="identify", event=None, traits={"email": ANNS_ADDRESS.upper()})]
    write(home.home.path, new, name="0002")
    came = land(home)
    assert (came.received, came.accepted, came.rejected) == (4, 2, 2)
    folder = home.home.path / "lake"
    assert naming(folder, *NAMES) == []
    assert {row["user_id"] for row in rows(home.lake, usage.USER_DAY)} == {BOB}


def test_a_dry_run_changes_nothing_and_counts_the_same(home):
    fill_ledger(home)
    before = {path: path.read_bytes() for path in home.home.path.rglob("*.parquet")}
    told = forget(home, really=False)
    assert {path: path.read_bytes() for path in home.home.path.rglob("*.parquet")} == before
    assert not (home.home.path / "forgotten").exists()
    did = forget(home)
    assert (told.files, told.tables, told.ledger, told.contacts) == (did.files, did.tables, did.ledger, did.contacts)
    assert told.files == {"0001/events.jsonl.gz": 11, "0001/users.csv": 1}


def test_an_address_finds_the_same_person(home):
    assert forget(home, ANNS_ADDRESS.upper(), really=False).tables == forget(home, ANN, really=False).tables


def test_our_fields_of_the_contact_are_emptied_and_nobody_elses(home, crm):
    fill_ledger(home)
    assert forget(home).contacts == {"hubspot:1": 1}
    assert crm.contacts.held == {"c1": {}, "c2": {"usage_persona": "Dormant"}}


def test_a_crm_that_does_not_answer_leaves_the_person_to_be_found_again(home, crm):
    crm.contacts.fails = True
    with pytest.raises(forgetting.Unavailable):
        forget(home)
    crm.contacts.fails = False
    assert forget(home).tables["events/event"] > 0
    assert naming(home.home.path / "lake", *NAMES) == []


def test_an_operation_on_its_way_is_not_sent_for_the_forgotten(home):
    fill_ledger(home)
    forget(home)
    assert [one.key for one in home.ledger.unsettled("hubspot:1")] == []
    assert len(home.ledger.log()) == 3


def test_who_asked_is_kept_and_nothing_of_the_person(home):
    found = forget(home)
    with erasing.opened(home.settings.ledger) as engine:
        (kept,) = erasing.history(engine)
    assert (kept["erasure"], kept["asked_by"]) == (found.erasure, "a tester")
    assert kept["found"]["tables"]["events/event"] == 9


def test_the_tombstone_is_salted_and_private(home):
    forget(home)
    folder = home.home.path / "forgotten"
    assert stat.S_IMODE((folder / "salt").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "tombstones.json").stat().st_mode) == 0o600
    assert len(json.loads((folder / "tombstones.json").read_text())) == 3


def test_forgetting_nobody_known_leaves_a_tombstone_alone(home):
    before = rows(home.lake, events.EVENT)
    assert forget(home, "nobody-here").is_nothing
    assert rows(home.lake, events.EVENT) == before


def test_a_feature_called_after_the_forgotten_is_counted_under_no_name(home):
    named = {"event": f"Opened profile of {ANNS_ADDRESS}", "properties": {"feature": ANNS_ADDRESS}}
    write(home.home.path, [call(401, BOB, day=9, **named)], name="0003", users=(BOB,))
    land(home)
    forget(home)
    assert naming(home.home.path, *NAMES) == []
    features = {row["feature"] for row in rows(home.lake, usage.USER_FEATURE_DAY)}
    assert features == {"reports", "invites", "(forgotten)"}


def test_a_short_id_is_no_part_of_other_texts(home):
    write(home.home.path, [call(301, "17", day=9, properties={"pages": 17, "note": "17 pages of 17"})], name="0003")
    write(home.home.path, [call(302, BOB, day=9, properties={"note": "17 pages"})], name="0004")
    land(home)
    forget(home, "17")
    last = [row["properties"] for row in rows(home.lake, events.EVENT) if row["event_id"] == "m302"]
    assert last == ['{"note":"17 pages"}']
    assert "m301" not in {row["event_id"] for row in rows(home.lake, events.EVENT)}

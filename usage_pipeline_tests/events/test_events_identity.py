"""Which copy counts, whose event it is, and from when that was known."""

from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from landing_builders import LANDED, a_lake, deliver, land, text, track

from usage_pipeline.events import carried, catalogue, copies, identity, known, quality
from usage_pipeline.sources import catalogue as sources

DAY = date(2026, 5, 4)


@pytest.fixture
def lake(tmp_path):
    return a_lake(tmp_path)


def table(spec, *rows):
    schema = spec.schema.to_pyarrow()
    filled = [dict.fromkeys(schema.names) | row for row in rows]
    return ibis.memtable(pa.Table.from_pylist(filled, schema=schema), schema=spec.schema)


def event(number, known_at, **fields):
    return {
        "event_id": f"m{number}", "ts": known_at, "known_at": known_at, "known_day": known_at.date(),
        "content_hash": "x", "batch": "b", "line": number, "name": "used", "account_id": "a1",
    } | fields  # fmt: skip


def link(id_, kind, account, known_at, user=None):
    return {
        "id": id_, "id_kind": kind, "account_id": account, "user_id": user, "known_at": known_at, "because": "group",
    }  # fmt: skip


def run(lake, rows):
    return lake.backend.to_pyarrow(rows).to_pylist()


def at(day, hour=0):
    return datetime(2026, 5, day, hour)


def test_of_copies_the_one_that_was_known_first_counts(lake):
    rows = table(catalogue.EVENT, event(1, at(3), line=1), event(1, at(2), line=2), event(1, at(2), line=3))
    (counted,) = run(lake, copies.counted(rows, (date(2026, 5, 1), DAY)))
    assert counted["line"] == 2


def test_what_counts_on_a_day_does_not_depend_on_what_came_later(lake):
    rows = table(catalogue.EVENT, event(1, at(2), line=1), event(1, at(3), line=2))
    assert run(lake, copies.counted(rows, (date(2026, 5, 3), DAY))) == []


def test_an_event_is_given_the_account_its_user_was_linked_to_and_the_later_day(lake):
    rows = table(catalogue.EVENT, event(1, at(2), account_id=None, user_id="u1"))
    links = table(catalogue.IDENTITY_LINK, link("u1", "user", "a9", at(6)), link("u1", "user", "a8", at(4)))
    (resolved,) = run(lake, identity.resolve(rows, links))
    assert (resolved["account_id"], resolved["known_day"]) == ("a8", date(2026, 5, 4))


def test_a_later_link_of_the_user_does_not_move_what_the_browsers_link_settled(lake):
    rows = table(catalogue.EVENT, event(1, at(2), account_id=None, user_id="u1", anonymous_id="an"))
    early = link("an", "anonymous", "a1", at(4))
    late = link("u1", "user", "a2", at(6))
    (before,) = run(lake, identity.resolve(rows, table(catalogue.IDENTITY_LINK, early)))
    (after,) = run(lake, identity.resolve(rows, table(catalogue.IDENTITY_LINK, early, late)))
    assert before == after
    assert after["account_id"] == "a1"


def test_a_link_known_before_the_event_moves_nothing(lake):
    rows = table(catalogue.EVENT, event(1, at(5), account_id=None, anonymous_id="an"))
    links = table(catalogue.IDENTITY_LINK, link("an", "anonymous", "a1", at(1), user="u7"))
    (resolved,) = run(lake, identity.resolve(rows, links))
    assert (resolved["account_id"], resolved["user_id"], resolved["known_day"]) == ("a1", "u7", date(2026, 5, 5))


def test_an_event_of_nobody_is_left_out_and_a_stated_account_stays(lake):
    rows = table(catalogue.EVENT, event(1, at(2), account_id=None, user_id="stranger"), event(2, at(2), user_id="u1"))
    links = table(catalogue.IDENTITY_LINK, link("u1", "user", "a8", at(4)))
    (resolved,) = run(lake, identity.resolve(rows, links))
    assert (resolved["event_id"], resolved["account_id"], resolved["known_day"]) == ("m2", "a1", date(2026, 5, 2))


def test_a_browser_follows_the_person_it_was_identified_as_once_both_are_known(lake):
    identified = {"kind": "identify", "user_id": "u1", "anonymous_id": "an", "known_at": at(2)}
    person = {"user_id": "u1", "account_id": "a1", "known_at": at(5)}
    links = run(
        lake,
        identity.links(table(catalogue.IDENTITY_CALL, identified), table(catalogue.EVENT), table(sources.USER, person)),
    )
    found = {(each["id"], each["id_kind"], each["account_id"]): (each["known_at"], each["because"]) for each in links}
    assert found == {
        ("u1", "user", "a1"): (at(5), "users table"),
        ("an", "anonymous", "a1"): (at(5), "identify"),
    }


def test_each_event_becomes_known_on_one_day_only_however_the_days_are_run(tmp_path, lake):
    anonymous = track(1, userId=None, anonymousId="an", context=None)
    deliver(tmp_path / "in", text(anonymous, track(2)))
    later = LANDED + timedelta(days=3)
    deliver(tmp_path / "in", text(track(3, type="group", groupId="a1", anonymousId="an")), name="n", landed_at=later)
    land(tmp_path / "in", lake)
    links = identity.links(lake.read(catalogue.IDENTITY_CALL), lake.read(catalogue.EVENT), table(sources.USER))
    lake.replace(catalogue.IDENTITY_LINK, links)
    by_day = {
        day: sorted(row["event_id"] for row in run(lake, known.events(lake, (day, day))))
        for day in (LANDED.date() + timedelta(days=n) for n in range(5))
    }
    assert [by_day[day] for day in sorted(by_day)] == [["m2"], [], [], ["m1"], []]
    at_once = run(lake, known.events(lake, (LANDED.date(), later.date())))
    assert sorted((row["event_id"], row["known_day"]) for row in at_once) == [
        ("m1", later.date()),
        ("m2", LANDED.date()),
    ]


def test_half_the_usage_before_the_sign_up_stops_the_plays(lake):
    rows = table(catalogue.EVENT, event(1, at(2)), event(2, at(8)))
    accounts = table(sources.ACCOUNT, {"account_id": "a1", "created_at": at(5)})
    lake.replace(catalogue.EVENT, rows)
    batches = table(catalogue.BATCH, {"received": 2, "accepted": 2, "duplicates": 0, "rejected": 0})
    findings = {finding.check: finding for finding in quality.quality(carried.tallied(rows), accounts, batches, lake)}
    assert findings["usage_predates_signup"].value == 0.5
    assert "50.0%" in quality.failure(list(findings.values()))
    assert findings["rows_accounted_for"].passed


def test_use_on_the_day_of_the_sign_up_is_no_finding(lake):
    rows = table(catalogue.EVENT, event(1, at(5, hour=1)))
    accounts = table(sources.ACCOUNT, {"account_id": "a1", "created_at": at(5, hour=9)})
    assert lake.backend.execute(quality.signup_share(carried.tallied(rows), accounts)) == 0.0


def test_half_a_session_per_active_day_is_a_finding(lake):
    rows = table(
        catalogue.EVENT,
        *(event(n, at(n), user_id="u1", session_id="endless" if n < 3 else "other") for n in (1, 2, 3, 4)),
    )
    assert lake.backend.execute(quality.sessions_per_active_day(carried.tallied(rows))) == 0.5

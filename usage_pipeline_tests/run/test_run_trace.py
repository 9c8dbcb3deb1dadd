"""One account as one chain: what belongs to it is counted, and what was sent can be read."""

import json
from datetime import date, datetime, timedelta

import pyarrow as pa

from usage_pipeline.events import catalogue as events
from usage_pipeline.run import trace

MORNING = date(2026, 5, 4)
AT = datetime(2026, 5, 1, 9)


def event(number, *, at=AT, known_at=None, **ids):
    known_at = known_at or at
    return {
        "event_id": f"m{number}", "ts": at, "received_at": known_at, "landed_at": known_at, "known_at": known_at,
        "known_day": known_at.date(), "name": "Report Created", "content_hash": "c", "batch": "b",
    } | ids  # fmt: skip


def landed(lake, *rows, links=()):
    numbered = [row | {"line": line} for line, row in enumerate(rows, start=1)]
    for table, content in ((events.EVENT, numbered), (events.IDENTITY_LINK, links)):
        schema = table.schema.to_pyarrow()
        whole = [{name: row.get(name) for name in schema.names} for row in content]
        lake.replace(table, pa.Table.from_pylist(whole, schema=schema))


def link(known_at):
    return {"id": "anon", "id_kind": "anonymous", "account_id": "acme", "known_at": known_at, "because": "identify"}


def test_events_that_came_through_an_identity_link_are_counted_too_and_told_apart(lake):
    landed(
        lake,
        event(1, account_id="acme"),
        event(1, account_id="acme", known_at=AT + timedelta(hours=1)),
        event(2, anonymous_id="anon", at=AT - timedelta(days=3)),
        event(3, account_id="other"),
        event(4, anonymous_id="somebody"),
        links=[link(AT)],
    )
    told = trace.counted(lake, "acme", MORNING)
    assert "2 counted: 1 name the account, 1 came through an identity link; 1 known late, 1 further copies" in told
    assert told.endswith("2026-04-28 09:00 to 2026-05-01 09:00")


def test_a_link_that_the_morning_did_not_know_brings_nothing(lake):
    landed(lake, event(1, anonymous_id="anon"), links=[link(datetime(2026, 5, 4, 1))])
    assert trace.counted(lake, "acme", MORNING) == "events      none so far"


def operation(kind, payload, *, on=MORNING, **more):
    return {
        "as_of": on, "planned_at": datetime.combine(on, AT.time()), "crm": "hubspot", "kind": kind, "state": "ok",
        "key": "acme", "payload": json.dumps(payload), "cause": None, "detail": None,
    } | more  # fmt: skip


def test_a_task_is_told_by_its_subject_and_fields_by_their_names():
    text = {"subject": "Call Acme", "body": "WHAT HAPPENED\nmuch"}
    lines = list(
        trace.sent(
            [
                operation("task_update", {"task_id": "7", "after": text, "before": text}),
                operation(
                    "fields", {"usage_health": "78.6", "usage_churn_risk": "4.1"}, on=MORNING - timedelta(days=7)
                ),
                operation("fields", {"usage_health": "70"}, on=MORNING + timedelta(days=7)),
            ],
            MORNING,
        )
    )
    assert [line.split("  ")[-1] for line in lines] == ["usage_churn_risk, usage_health", "Call Acme"]
    assert not any("{" in line or "\n" in line for line in lines)


def test_a_refused_operation_says_why():
    refused = operation("fields", {"usage_health": "70"}, state="failed", cause="schema", detail="no such property")
    (line,) = trace.sent([refused], MORNING)
    assert "failed: schema: no such property" in line


def test_a_long_log_shows_the_newest_and_how_many_it_leaves_out():
    many = [operation("fields", {"usage_health": str(n)}, on=MORNING - timedelta(days=n)) for n in range(23)]
    first, *shown = trace.sent(many, MORNING)
    assert "3 earlier" in first
    assert len(shown) == trace.SHOWN_OPERATIONS
    assert f"{MORNING}" in shown[-1]


def test_confirmed_fields_stand_below_their_record_a_line_each():
    row = {"crm": "hubspot", "crm_id": "30", "at": AT}
    lines = list(
        trace.acknowledged(
            [
                row | {"field": "usage_health", "value": None},
                row | {"field": "usage_churn_reasons", "value": "fewer people\nfewer uses"},
                row | {"crm": "salesforce", "crm_id": "001", "field": "usage_health", "value": "70"},
            ]
        )
    )
    assert [line.split()[-1] for line in lines] == ["30", "uses", "(emptied)", "001", "70"]
    assert "fewer people; fewer uses" in lines[1]

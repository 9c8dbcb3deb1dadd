"""Bots, colleagues and test accounts: refused with a reason each, and accounted for."""

import pytest
from export_samples import FORMATS, amplitude, land_export, mapping, mixpanel, posthog, segment, snowplow
from landing_builders import LANDED, a_lake, deliver, events, land, rejected, text

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected

EXCLUDE = {
    "user_agents": ("Googlebot", "HeadlessChrome"),
    "email_domains": ("vendor.example",),
    "accounts": ("demo", "o'neill"),
    "users": ("tester",),
    "names": ("heartbeat",),
}
BOT = "Mozilla/5.0 (compatible; googlebot/2.1)"
COLLEAGUE = "bo@eu.Vendor.example"

ROWS = {
    "segment": [
        segment(1, context={"groupId": "a1", "userAgent": BOT}),
        segment(2, context={"groupId": "a1", "traits": {"email": COLLEAGUE}}),
        segment(3, context={"groupId": "demo"}),
        segment(4, userId="tester"),
        segment(5, event="heartbeat"),
    ],
    "amplitude": [
        amplitude(1, user_properties={"user_agent": BOT}),
        amplitude(2, user_properties={"email": COLLEAGUE}),
        amplitude(3, groups={"company": "demo"}),
        amplitude(4, user_id="tester"),
        amplitude(5, event_type="heartbeat"),
    ],
    "mixpanel": [
        mixpanel(1, **{"$user_agent": BOT}),
        mixpanel(2, **{"$email": COLLEAGUE}),
        mixpanel(3, company_id="demo"),
        mixpanel(4, **{"$user_id": "tester"}),
        mixpanel(5, "heartbeat"),
    ],
    "posthog": [
        posthog(1, {"$raw_user_agent": BOT}),
        posthog(2, person_properties={"email": COLLEAGUE}),
        posthog(3, {"$groups": {"company": "demo"}}),
        posthog(4, distinct_id="tester"),
        posthog(5, event="heartbeat"),
    ],
    "snowplow": [
        snowplow(1, useragent=BOT),
        snowplow(2, user_id=COLLEAGUE),
        snowplow(3, contexts={"account": {"id": "demo"}}),
        snowplow(4, user_id="tester"),
        snowplow(5, event_name="heartbeat"),
    ],
}
SOUND = {"segment": segment, "amplitude": amplitude, "mixpanel": mixpanel, "posthog": posthog, "snowplow": snowplow}
REASONS = ["excluded_user_agent", "excluded_email_domain", "excluded_account", "excluded_user", "excluded_name"]


def landed(tmp_path, kind, *content, exclude=EXCLUDE):
    deliver(tmp_path / "in", text(*content), file="events.tsv" if kind == "snowplow" else "events.jsonl")
    lake = a_lake(tmp_path)
    return land_export(tmp_path / "in", lake, mapping(kind, exclude=exclude)), lake


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_nobodys_use_is_refused_with_its_reason(tmp_path, kind):
    account, lake = landed(tmp_path, kind, *ROWS[kind], SOUND[kind](9))
    assert [row["reason"] for row in rejected(lake)] == REASONS
    assert (account.received, account.accepted, account.rejected) == (6, 1, 5)
    assert "demo" in rejected(lake)[2]["detail"]


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_excluded_that_the_mapping_does_not_name(tmp_path, kind):
    account, _ = landed(tmp_path, kind, *ROWS[kind], exclude={})
    assert (account.accepted, account.rejected) == (5, 0)


def test_a_colleagues_broken_row_is_no_fault_of_the_data(tmp_path):
    _, lake = landed(tmp_path, "segment", segment(1, userId="tester", timestamp="never"))
    assert [row["reason"] for row in rejected(lake)] == ["excluded_user"]


def test_a_domain_is_that_domain_and_those_below_it_and_no_other(tmp_path):
    addresses = [
        "a@vendor.example",
        "a@eu.vendor.example",
        "a@othervendor.example",
        "vendor.example",
        "a@vendor.example.com",
    ]
    content = [
        segment(n, context={"groupId": "a1", "traits": {"email": address}}) for n, address in enumerate(addresses)
    ]
    _, lake = landed(tmp_path, "segment", *content, exclude={"email_domains": ("vendor.example",)})
    assert [event["line"] for event in events(lake)] == [3, 4, 5]


def select(columns, **exclude):
    sql = f"SELECT {columns}, happened AS ts, 'used' AS name FROM usage"
    return Company(company="acme", events=(Events(format="select", select=sql, exclude=exclude),))


def test_a_select_gives_the_columns_that_its_exclusions_look_at(tmp_path):
    deliver(
        tmp_path / "in",
        b"who,mail,ua,happened\nu1,a@vendor.example,x,2026-05-01\nu2,b@x.example,Bot,2026-05-01\nu3,,,2026-05-01\n",
        file="usage.csv",
    )
    of = select(
        "who AS user_id, mail AS email, ua AS user_agent", email_domains=("vendor.example",), user_agents=("bot",)
    )
    lake = a_lake(tmp_path)
    assert land(tmp_path / "in", lake, of).rejected == 2
    assert {row["reason"] for row in rejected(lake)} == {"excluded_email_domain", "excluded_user_agent"}
    assert rejected(lake)[0]["landed_at"] == LANDED
    with pytest.raises(Rejected, match=r"lacks the required column user_agent"):
        land(tmp_path / "in", a_lake(tmp_path / "other"), select("who AS user_id", user_agents=("bot",)))

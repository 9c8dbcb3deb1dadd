"""A small export of each product-analytics tool, as it writes one, and what one sound event of it looks like.

All tell the same story: a browser `dev-1` looks around, turns out to be `u1` of the account
`a1`, makes a report of three pages in two and a half seconds, and exports it.
"""

import gzip
import io
import json
import zipfile
from datetime import datetime

from landing_builders import LANDED, text

from usage_pipeline.company import Company, Events
from usage_pipeline.events import ingest, parts
from usage_pipeline.events.snowplow import COLUMNS
from usage_pipeline.sources import landing

FORMATS = ("segment", "amplitude", "mixpanel", "posthog", "snowplow")
NOON = datetime(2026, 5, 3, 12)


def mapping(kind, *, files="events*", **keys):
    return Company(company="acme", events=(Events(format=kind, files=files, **keys),))


def land_export(folder, lake, company):
    """Land every file of the company's exports; gives the account of all their rows."""
    return ingest.ingest(folder, company, lake, now=LANDED, progress=lambda *_: None)


def judged_rows(folder, company):
    """How many rows of the exports are sound, and how many are refused."""
    batches = ingest.batches(landing.deliveries(folder, now=LANDED), company)
    found = [part for batch in batches for part in parts.judged(batch, company)]
    return sum(part.valid.num_rows for part in found), sum(part.rejected.num_rows for part in found)


def minute(number):
    return f"2026-05-03 12:{number:02d}:00"


def segment(number=1, **fields):
    call = {
        "type": "track",
        "messageId": f"ajs-{number}",
        "event": "Report Made",
        "anonymousId": "dev-1",
        "userId": "u1",
        "originalTimestamp": minute(number).replace(" ", "T") + ".000Z",
        "timestamp": minute(number).replace(" ", "T") + ".000Z",
        "sentAt": minute(number).replace(" ", "T") + ".500Z",
        "receivedAt": minute(number).replace(" ", "T") + ".900Z",
        "context": {
            "groupId": "a1",
            "sessionId": "s1",
            "userAgent": "Mozilla/5.0",
            "traits": {"email": "ann@north.example"},
        },
        "properties": {"feature": "reports", "count": 3, "duration": 2.5, "tone": "warm"},
    }
    return json.dumps(call | fields)


def amplitude(number=1, **fields):
    row = {
        "$insert_id": f"in-{number}",
        "uuid": f"6f1c-{number}",
        "amplitude_id": 9000001,
        "device_id": "dev-1",
        "user_id": "u1",
        "session_id": 1777809600000,
        "event_type": "Report Made",
        "event_time": minute(number) + ".000000",
        "client_event_time": minute(number) + ".000000",
        "client_upload_time": minute(number) + ".400000",
        "server_received_time": minute(number) + ".900000",
        "groups": {"company": ["a1"]},
        "event_properties": {"feature": "reports", "count": 3, "duration": 2.5, "tone": "warm"},
        "user_properties": {"email": "ann@north.example", "user_agent": "Mozilla/5.0"},
        "version_name": None,
    }
    return json.dumps(row | fields)


def mixpanel(number=1, event="Report Made", **properties):
    usual = {
        "time": int((NOON - datetime(1970, 1, 1)).total_seconds()) + 60 * number,
        "distinct_id": "u1",
        "$user_id": "u1",
        "$device_id": "dev-1",
        "$insert_id": f"mp{number}",
        "$session_id": "s1",
        "mp_processing_time_ms": (int((NOON - datetime(1970, 1, 1)).total_seconds()) + 60 * number) * 1000 + 900,
        "company_id": ["a1"],
        "feature": "reports",
        "count": 3,
        "duration": 2.5,
        "tone": "warm",
        "$email": "ann@north.example",
        "$user_agent": "Mozilla/5.0",
    }
    return json.dumps({"event": event, "properties": usual | properties})


def posthog(number=1, properties=None, **fields):
    usual = {
        "$device_id": "dev-1",
        "$session_id": "s1",
        "$is_identified": True,
        "$groups": {"company": "a1"},
        "$raw_user_agent": "Mozilla/5.0",
        "feature": "reports",
        "count": 3,
        "duration": 2.5,
        "tone": "warm",
    }
    row = {
        "uuid": f"0197-{number}",
        "event": "Report Made",
        "distinct_id": "u1",
        "timestamp": minute(number).replace(" ", "T") + "+00:00",
        "created_at": minute(number).replace(" ", "T") + ".900000+00:00",
        "_inserted_at": "2026-05-03T13:00:00+00:00",
        "person_properties": {"email": "ann@north.example"},
        "elements_chain": "",
    }
    return json.dumps(row | {"properties": usual | (properties or {})} | fields)


def snowplow(number=1, own=None, contexts=None, **columns):
    """A line of 131 values; `own` is the event's data, `contexts` a value per context's name."""
    data = {"feature": "reports", "count": 3, "duration": 2.5, "tone": "warm"} if own is None else own
    attached = {"account": {"account_id": "a1"}} if contexts is None else contexts
    usual = {
        "app_id": "app",
        "platform": "web",
        "collector_tstamp": minute(number) + ".900",
        "dvce_created_tstamp": minute(number) + ".100",
        "dvce_sent_tstamp": minute(number) + ".500",
        "derived_tstamp": minute(number) + ".000",
        "event": "unstruct",
        "event_id": f"c6ef-{number}",
        "user_id": "u1",
        "domain_userid": "dev-1",
        "domain_sessionid": "s1",
        "useragent": "Mozilla/5.0",
        "event_name": "report_made",
        "unstruct_event": json.dumps(
            {
                "schema": "iglu:x/unstruct_event/jsonschema/1-0-0",
                "data": {"schema": "iglu:a/b/jsonschema/1-0-0", "data": data},
            }
        ),
        "contexts": json.dumps(
            {
                "schema": "iglu:x/contexts/jsonschema/1-0-0",
                "data": [{"schema": f"iglu:acme/{name}/jsonschema/1-0-0", "data": of} for name, of in attached.items()],
            }
        ),
    }
    values = usual | columns
    return "\t".join(values.get(name, "") for name in COLUMNS)


ONE = {"segment": segment, "amplitude": amplitude, "mixpanel": mixpanel, "posthog": posthog, "snowplow": snowplow}
"""A sound event of each format; a number makes it another one."""

IDENTITY = {
    "segment": [
        segment(1, type="page", name="Pricing", userId=None, context={}, properties={}),
        segment(2, type="identify", context={}, traits={"plan": "pro"}),
        segment(3, type="group", groupId="a1"),
        segment(4, type="alias", previousId="old-1", context={}),
    ],
    "amplitude": [
        amplitude(1, event_type="Pricing Seen", user_id=None, groups={}, event_properties={}),
        amplitude(2, event_type="$identify", groups={}),
        amplitude(3, event_type="$groupidentify"),
        amplitude(4, event_type="$groupidentify", user_id=None, device_id=None, amplitude_id=None),
    ],
    "mixpanel": [
        mixpanel(1, "Pricing Seen", distinct_id="$device:dev-1", **{"$user_id": None, "company_id": None}),
        mixpanel(2, "$identify", **{"$identified_id": "u1", "$anon_id": "$device:dev-1", "company_id": None}),
        mixpanel(3, "$create_alias", distinct_id="old-1", alias="u1", **{"$user_id": None, "company_id": None}),
        mixpanel(4, "$merge", **{"$distinct_ids": ["$device:dev-9", "u1"], "company_id": None}),
    ],
    "posthog": [
        posthog(1, {"$is_identified": False, "$groups": {}}, event="$pageview", distinct_id="dev-1"),
        posthog(2, {"$anon_distinct_id": "dev-1", "$groups": {}}, event="$identify"),
        posthog(3, {"$group_type": "company", "$group_key": "a1"}, event="$groupidentify"),
        posthog(4, {"alias": "old-1", "$groups": {}, "$is_identified": False}, event="$create_alias"),
        posthog(
            5,
            {"$group_type": "company", "$group_key": "a1", "$device_id": None},
            event="$groupidentify",
            distinct_id="$company_a1",
        ),
    ],
    "snowplow": [
        snowplow(1, own={}, contexts={}, user_id="", event="page_view", event_name="page_view", unstruct_event="")
    ],
}
"""Who is who, as each format says it: somebody unknown, who is then known."""


def sample(kind):
    """The whole story as an export's bytes."""
    last = len(IDENTITY[kind])
    return text(*IDENTITY[kind], ONE[kind](last + 1), ONE[kind](last + 2))


def archive(files):
    """A zip of files by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, gzip.compress(content) if name.endswith(".gz") else content)
    return packed.getvalue()

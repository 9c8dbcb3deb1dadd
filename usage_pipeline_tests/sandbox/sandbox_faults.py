"""Arming faults, and the book of which kinds have a proof."""

import json

PROVEN = set()


def proves(crm, *kinds):
    """Enter a test as the proof of these kinds."""

    def enter(test):
        PROVEN.update((crm, kind) for kind in kinds)
        return test

    return enter


def arm(http, kind, **how):
    armed = http.post("/_sandbox/faults", json={"kind": kind, **how})
    assert armed.status_code == 200, armed.text
    return armed.json()["id"]


def struck(http):
    return http.get("/_sandbox/faults").json()["struck"]


def batch(*rows):
    """A HubSpot batch of (id, properties), each row with a trace id of its own."""
    return {
        "inputs": [
            {"id": str(record), "properties": properties, "objectWriteTraceId": f"t{at}"}
            for at, (record, properties) in enumerate(rows)
        ]
    }


def collection(*rows, **more):
    """A Salesforce Collections body of records with their type."""
    return {"allOrNone": False, "records": [{"attributes": {"type": kind}, **fields} for kind, fields in rows], **more}


def log(http):
    return http.get("/_sandbox/log").json()


def text(reply):
    return json.dumps(reply.json())

"""Frames as the stages before `sync` hand them over, with one account's worth of sense in each row."""

from datetime import date, datetime

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.company import Primary
from usage_pipeline.crm.client import Instance
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.sync import planning, plans, wanted

MORNING = date(2026, 5, 4)
NOON = datetime(2026, 5, 4, 12)
NAMES = [field.name for field in CONTRACT.fields]
HUBSPOT = Instance("hubspot", "1", is_sandbox=True)


def score(account="a", outcome="churn_90d", *, evidence="sufficient", value=81.3, tier="red"):
    has = evidence == "sufficient"
    return {
        "account_id": account,
        "outcome": outcome,
        "kind": outcome.partition("_")[0],
        "evidence": evidence,
        "score": value if has else None,
        "tier": tier if has else None,
        "reason_1": "active users fell from 12 to 7" if has else None,
        "reason_2": None,
        "reason_3": None,
        "model_version": "3",
    }


def segment(account="a", cohort="Risk-Inactive"):
    return {"account_id": account, "cohort": cohort}


def health(account="a", value=31.25, tier="Orange"):
    return {"account_id": account, "health": value, "health_tier": tier}


def decision(
    account="a", play="red_churn_risk", decision="do", *, outcome="churn_90d", order=1, body="Use fell.", since=MORNING
):
    return {
        "account_id": account,
        "play": play,
        "decision": decision,
        "outcome": outcome,
        "episode": f"{account}:{play}:{since}" if decision != "not" else None,
        "subject": f"Call {account}",
        "body": body,
        "priority": "high",
        "due_on": date(2026, 5, 6),
        "expected_outcome": "it stays",
        "order": order,
    }


def assignment(account="a", play="red_churn_risk", arm="hold_out", *, on=MORNING, until=date(2026, 8, 1)):
    return {"account_id": account, "play": play, "arm": arm, "assigned_on": on, "held_until": until}


def link(account="a", crm_id="101", state="matched", *, owner="7", instance=HUBSPOT):
    return {
        "crm": instance.crm,
        "instance": instance.key,
        "account_id": account,
        "account_name": f"Company {account}",
        "domain": f"{account}.com",
        "state": state,
        "detail": None if state == "matched" else f"it is {state}",
        "crm_id": crm_id if state == "matched" else None,
        "owner_id": owner,
    }


def frame(*rows, columns=()):
    return pd.DataFrame(list(rows), columns=list(rows[0]) if rows else list(columns), dtype=object)


NO_DECISION = frame(columns=decision())
NO_ASSIGNMENT = frame(columns=assignment())


def fields_of(scores=(), segments=(), healths=(), decisions=(), assignments=(), **how):
    """The wanted fields as {account: {field: value}}."""
    found = wanted.fields(
        frame(*scores, columns=score()),
        frame(*segments, columns=segment()),
        frame(*healths, columns=health()),
        frame(*decisions, columns=decision()),
        frame(*assignments, columns=assignment()),
        how.pop("as_of", MORNING),
        primary=Primary(),
        **how,
    )
    return {row.pop("account_id"): row for row in frames.rows(found)}


def values(**by_account):
    """Wanted fields: values(a={"usage_cohort": "New"})."""
    return wide("account_id", by_account)


def wide(key, by_key):
    names = dict.fromkeys(name for own in by_key.values() for name in own)
    rows = [(one, *(own.get(name) for name in names)) for one, own in by_key.items()]
    return pd.DataFrame(rows, columns=[key, *names], dtype=object)


def confirmed(account="a", crm_id="101", *, on=MORNING, **fields):
    """What the ledger knows of one record, all contract fields in columns."""
    row = {"crm_id": crm_id, "account_id": account, "written_on": on} | dict.fromkeys(NAMES) | fields
    return pd.DataFrame([row], dtype=object)


def present(crm_id="101", account_key=None, **fields):
    row = {"crm_id": crm_id, "account_key": account_key} | dict.fromkeys(NAMES) | fields
    return pd.DataFrame([row], dtype=object)


def episode(key, *, status="open", is_touched=False, body="Use fell.", account="a"):
    return {
        "task_key": key,
        "account_id": account,
        "crm_id": "101",
        "task_id": "900",
        "subject": f"Call {account}",
        "body": body,
        "priority": "high",
        "status": status,
        "is_touched": is_touched,
    }


def plan(wanted_fields=None, decisions=(), links=None, acks=None, episodes=(), quarantine=(), **how):
    return planning.plan(
        values() if wanted_fields is None else wanted_fields,
        wanted.tasks(frame(*decisions, columns=decision())),
        frame(link()) if links is None else links,
        confirmed().head(0) if acks is None else acks,
        frame(*episodes, columns=episode("")),
        frame(*quarantine, columns=("kind", "key", "payload_hash", "cause", "as_of")),
        instance=how.pop("instance", HUBSPOT),
        as_of=how.pop("as_of", MORNING),
        sequence=how.pop("sequence", 0),
        created_at=how.pop("created_at", NOON),
        shape=plans.SHAPES["hubspot"],
        **how,
    )

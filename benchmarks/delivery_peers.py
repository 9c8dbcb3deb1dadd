"""The same changed fields by drt and by a simple-salesforce loop: unpatched programs, sent to the sandbox by their environment.

What they are given is what they need: drt a source (SQLite), its project and a unique property to find
companies by; the loop the record ids. Each runs twice, the second time with nothing changed.
"""

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmarks import delivery_calls, delivery_loop, delivery_vendors
from benchmarks import delivery_world as world
from benchmarks.delivery_sandbox import CLIENT, MY_DOMAIN, SALESFORCE_HOST, TOKEN, Sandbox, account
from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.crm.contract import CONTRACT, Kind

KEY = "benchmark_key"
LONGEST_S = 900

_PROJECT = "name: benchmark\nversion: '0.1'\nprofile: benchmark\n"
_HUBSPOT = f"""name: companies
model: SELECT * FROM companies
destination:
  type: hubspot
  object_type: companies
  id_property: {KEY}
  auth: {{type: bearer, token_env: HUBSPOT_TOKEN}}
sync: {{mode: full, match_policy: update_only, on_error: skip, rate_limit: {{requests_per_second: 9}}}}
"""
# Its own default waits half a minute between polls; that costs it time, not calls.
_SALESFORCE = """name: accounts
model: SELECT * FROM accounts
destination:
  type: salesforce_bulk
  instance_url_env: SF_URL
  object_name: Account
  operation: update
  external_id_field: Id
  poll_interval_seconds: 1
  client_id_env: SF_CLIENT
  client_secret_env: SF_CLIENT
  username_env: SF_USER
  password_env: SF_PASSWORD
sync: {mode: full, on_error: skip}
"""


def measured(sandbox: Sandbox, ids: Mapping[str, list[str]], drt: Path, folder: Path) -> dict[str, dict]:
    """Calls of each peer for all the companies changed, and again for none."""
    accounts = [account(number) for number in range(len(ids["hubspot"]))]
    wants = {name: world.fields(accounts, seed, world.morning(2)) for name, seed in (("drt", 2), ("loop", 3))}
    _make_findable(sandbox, ids["hubspot"])
    with delivery_vendors.environment(sandbox) as environment:
        project = folder / "drt"
        _drt_project(project, wants["drt"], ids["salesforce"])
        named = environment | {
            "HOME": str(project),
            "HUBSPOT_TOKEN": TOKEN,
            "SF_URL": f"https://{SALESFORCE_HOST}",
            **dict.fromkeys(("SF_CLIENT", "SF_USER", "SF_PASSWORD"), CLIENT),
        }

        def by_drt(sync: str) -> list[str]:
            return [str(drt), "run", "--select", sync]

        rows = folder / "rows.json"
        rows.write_text(json.dumps(_for_salesforce(wants["loop"], ids["salesforce"])), encoding="utf-8")
        loop = [sys.executable, delivery_loop.__file__, MY_DOMAIN, CLIENT, CLIENT, "68.0", str(rows)]
        found: dict[str, dict] = {}
        for again in ("", "_again"):
            for name, crm, program, how in (
                ("drt_hubspot", "hubspot", by_drt("companies"), named),
                ("drt_salesforce", "salesforce", by_drt("accounts"), named),
                ("loop_salesforce", "salesforce", loop, environment),
            ):
                if again and found[name]["exit"]:
                    continue
                kept = "loop" if name.startswith("loop") else "drt"
                result = _run(sandbox, crm, program, how, project)
                state = sandbox.get("state", crm=crm)[crm]["companies"]
                result["rows_that_differ"] = world.rows_that_differ(state, wants[kept], ids[crm], crm)
                found[name + again] = result
    return found


def _run(sandbox: Sandbox, crm: str, program: Sequence[str], environment: Mapping[str, str], folder: Path) -> dict:
    sandbox.count_anew()
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own arguments
        program, env=environment, cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    seconds = round(time.monotonic() - started, 1)
    # Without the frames that a terminal gets.
    said = " ".join(re.sub(r"[^ -~]", " ", done.stdout + done.stderr).split())
    return delivery_calls.told(sandbox, crm) | {"seconds": seconds, "exit": done.returncode, "said": said[-300:]}


def _make_findable(sandbox: Sandbox, ids: Sequence[str]) -> None:
    """A unique property with the account's key: drt finds companies by nothing else."""
    admin = Caller(sandbox.url, lambda _: None)
    admin.session.headers["Authorization"] = f"Bearer {TOKEN}"
    definition = {"name": KEY, "label": "Key", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    admin.call(
        "POST",
        "/crm/properties/2026-03/companies",
        Class.IDEMPOTENT,
        json=definition | {"groupName": "companyinformation"},
    ).raise_for_status()
    for start in range(0, len(ids), 100):
        inputs = [
            {"id": crm_id, "properties": {KEY: account(start + place)}}
            for place, crm_id in enumerate(ids[start : start + 100])
        ]
        admin.call(
            "POST", "/crm/objects/2026-03/companies/batch/update", Class.IDEMPOTENT, json={"inputs": inputs}
        ).raise_for_status()


def _drt_project(project: Path, wants: pd.DataFrame, ids: Sequence[str]) -> None:
    """A project as its documentation describes one, on a SQLite file with the changed rows."""
    (project / "syncs").mkdir(parents=True)
    (project / ".drt").mkdir()
    source = project / "changed.sqlite"
    (project / "drt_project.yml").write_text(_PROJECT, encoding="utf-8")
    profile = f"benchmark:\n  type: sqlite\n  database: {source}\n"
    (project / ".drt" / "profiles.yml").write_text(profile, encoding="utf-8")
    (project / "syncs" / "companies.yml").write_text(_HUBSPOT, encoding="utf-8")
    (project / "syncs" / "accounts.yml").write_text(_SALESFORCE, encoding="utf-8")
    with sqlite3.connect(source) as database:
        known = wants.dropna(axis="columns", how="all").rename(columns={"account_id": KEY})
        known.to_sql("companies", database, index=False)
        pd.DataFrame(_for_salesforce(wants, ids)).to_sql("accounts", database, index=False)
    database.close()


def _for_salesforce(wants: pd.DataFrame, ids: Sequence[str]) -> list[dict[str, object]]:
    fields = [field for field in CONTRACT.fields if wants[field.name].notna().any()]
    return [
        {"Id": crm_id}
        | {
            field.salesforce: float(row[field.name]) if field.kind is Kind.NUMBER else row[field.name]
            for field in fields
        }
        for crm_id, row in zip(ids, wants.to_dict("records"), strict=True)
    ]

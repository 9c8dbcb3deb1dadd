"""The main job on a small simulated company, as a newcomer's first and second run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
COMMAND = [str(Path(sys.executable).with_name("usage-pipeline"))]


def run(home, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("USAGE_", "DAGSTER_"))}
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment | {"USAGE_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def delivered_account(home):
    """An account that was scored on the last morning and has its fields in a CRM."""
    with duckdb.connect(str(home / "usage.duckdb"), read_only=True) as client:
        scored = (
            "SELECT account_id FROM scores_account_health WHERE as_of = (SELECT max(as_of) FROM scores_account_health)"
        )
        return client.sql(f"SELECT min(account_id) FROM sync_acknowledged WHERE account_id IN ({scored})").fetchone()[0]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """One run that the tests of this file look at."""
    home = tmp_path_factory.mktemp("home") / "data"
    done = run(home, "run", "--accounts", "200")
    assert done.returncode == 0, done.stdout + done.stderr
    return home, done.stdout, json.loads((home / "run_summary.json").read_text())


def test_the_summary_accounts_for_every_row_and_every_account(first):
    _, _, summary = first
    events = summary["events"]
    assert summary["ok"] is True
    assert events["received"] == events["accepted"] + events["duplicates"] + events["rejected"]
    assert events["rejected"] > 0
    for outcome in summary["outcomes"].values():
        assert outcome["scored"] + outcome["insufficient_evidence"] == summary["accounts"]
    assert set(summary["delivery"]) == {"hubspot", "salesforce"}


def test_fields_arrive_in_both_crms_and_nothing_failed(first):
    _, _, summary = first
    for crm in summary["delivery"].values():
        assert crm["fields_written"] > 0
        assert crm["failed"] == 0
        assert crm["ambiguous"] < summary["accounts"] * 0.1


def test_the_account_of_the_run_says_what_happened_and_where_to_look(first):
    home, printed, _ = first
    for words in ("received", " red, ", "precision", "opened", "calls", "held out", "Where to look next"):
        assert words in printed
    assert (home / "reports" / "outcomes.html").exists()
    assert (home / "usage.duckdb").exists()


def test_a_second_run_repeats_nothing_and_says_that_nothing_had_to_be_sent(first):
    home, _, before = first
    again = run(home, "run", "--accounts", "200")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing had to be sent" in again.stdout
    after = json.loads((home / "run_summary.json").read_text())
    assert after["events"] == before["events"]
    assert after["as_of"] == before["as_of"]
    for crm in after["delivery"].values():
        assert crm["fields_written"] == crm["tasks_opened"] == 0


def test_another_company_is_refused_by_a_home_that_is_taken(first):
    home, _, _ = first
    refused = run(home, "run", "--accounts", "300")
    assert refused.returncode == 1
    assert "USAGE_HOME" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr


def test_trace_tells_one_account_from_its_events_to_its_crm_record(first):
    home, _, _ = first
    traced = run(home, "trace", delivered_account(home))
    assert traced.returncode == 0, traced.stdout + traced.stderr
    for chapter in ("events", "usage", "features", "segment", "score", "play", "crm record", "acknowledged"):
        assert f"\n{chapter}" in traced.stdout


def test_a_plan_after_the_delivery_is_empty(first):
    home, _, _ = first
    planned = run(home, "plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert planned.stdout.count("Nothing has to be sent") == 2


def test_the_doctor_finds_a_run_home_in_order(first):
    home, _, _ = first
    assert run(home, "doctor").returncode == 0

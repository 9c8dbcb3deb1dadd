"""A person's own CSV of events and one of accounts, from `init` to scores."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from usage_pipeline.sources.simulated import delivery
from usage_pipeline.sources.simulated.company import Company

ROOT = Path(__file__).parents[2]
LAST = date(2025, 12, 28)
SECONDS = 600


def two_files(folder, landed):
    """What somebody would export from a product of their own: a year of actions, and the accounts."""
    folder.mkdir()
    fields = "{type:'VARCHAR', event:'VARCHAR', userId:'VARCHAR', timestamp:'VARCHAR', context:'STRUCT(\"groupId\" VARCHAR)'}"
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"""COPY (
                SELECT strftime(CAST(timestamp AS TIMESTAMP), '%Y-%m-%d %H:%M:%S') AS "Timestamp",
                    context.groupId AS "Org ID", userId AS "User", event AS "Action"
                FROM read_json('{landed}/events-*.jsonl.gz', format = 'newline_delimited', ignore_errors = true, columns = {fields})
                WHERE type = 'track' AND event IS NOT NULL AND context.groupId IS NOT NULL
                    AND TRY_CAST(timestamp AS TIMESTAMP) BETWEEN TIMESTAMP '{LAST - timedelta(days=365)}' AND TIMESTAMP '{LAST}'
                ORDER BY 1
            ) TO '{folder}/events.csv' (HEADER)"""
        )
        connection.execute(
            f"""COPY (
                SELECT account_id AS "ID", first(name) AS "Company Name", first(domain) AS "Website",
                    first(industry) AS "Industry", min(created_at) AS "Signed Up"
                FROM '{landed}/accounts.csv' GROUP BY 1 ORDER BY 1
            ) TO '{folder}/accounts.csv' (HEADER)"""
        )


def usage_pipeline(place, *arguments):
    """The command, in a process and a home of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("USAGE_", "DAGSTER"))}
    environment |= {"USAGE_HOME": str(place / "data"), "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    command = [sys.executable, "-c", "from usage_pipeline.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_two_files_of_ones_own_become_scores_within_ten_minutes(tmp_path):
    landed = delivery.write_history(Company(3, accounts=200), tmp_path / "landing", LAST).folder
    two_files(tmp_path / "mine", landed)
    begun = usage_pipeline(tmp_path, "init", "--data", "mine", "--company", "acme")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    command = begun.stdout.strip().splitlines()[-1].split()
    assert command == ["usage-pipeline", "run", "--mapping", "company.yaml", "--data", "mine"]
    ran = usage_pipeline(tmp_path, *command[1:])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    summary = json.loads((tmp_path / "data" / "run_summary.json").read_text())
    churn = summary["outcomes"]["churn_28d"]
    assert summary["events"]["rejected"] == 0
    # Either there are scores, or the account of the run says in words why there are none.
    assert churn["scored"] > 0 or churn["skill_reason"]
    assert summary["tiers"]["green"] > 0 or "no play acts on it" in ran.stdout

"""A small company of one's own in three CSV files, and the command that runs it, as a person would."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from deltalake import DeltaTable

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("USAGE_SHARED_DATA", ROOT.parent / "shared" / "data"))
FIRST_DAY = date(2026, 1, 5)
ACCOUNTS, DAYS = 30, 120

MAPPING = """\
version: 1
company: small_shop
clock:
  history: true
events:
  - format: select
    select: SELECT event_id, ts, account_id, user_id, name, feature FROM usage
tables:
  account: SELECT account_id, name, created_at FROM customers
  subscription: |
    SELECT account_id AS subscription_id, account_id, 'active' AS status, 'team' AS plan, mrr * 100 AS mrr_minor,
           started AS valid_from
    FROM contracts
stock_sandbox: true
"""


def shared(name: str) -> Path:
    """A data set beside the checkout; the test is skipped where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(
            f"the data set {name} is not beside the checkout ({folder}); name its folder with USAGE_SHARED_DATA"
        )
    return folder


@dataclass(frozen=True)
class Ran:
    """What a person sees of one command, and what programs read of it."""

    code: int
    said: str
    home: Path

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.home / "run_summary.json").read_text())

    def names(self, table: str) -> list[str]:
        """The account ids of a table."""
        return [row["account_id"] for row in self.lake(table)]

    def lake(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table of the lake, as any Delta client reads them."""
        return DeltaTable(str(self.home / "lake" / table)).to_pyarrow_table().to_pylist()


def run(home: Path, *arguments: object, **settings: object) -> Ran:
    """`usage-pipeline ...` in a process of its own on a home of its own; `settings` without their USAGE_."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("USAGE_", "DAGSTER"))}
    environment |= {"USAGE_HOME": str(home), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    environment |= {f"USAGE_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-c", "from usage_pipeline.cli.main import main; main()", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout + done.stderr, home)


class InCrm:
    """A home's sandbox, looked at with the vendors' own calls."""

    def __init__(self, url: str) -> None:
        self.url = url

    def hubspot(self, *fields: str) -> dict[str, dict[str, str | None]]:
        """The fields of each company by the product's account id."""
        found, after = {}, None
        while True:
            page = requests.get(
                f"{self.url}/crm/objects/2026-03/companies",
                params={"limit": 100, "properties": ",".join(["product_account_id", *fields]), "after": after},
                headers={"Authorization": "Bearer sandbox-token"},
                timeout=30,
            ).json()
            for company in page["results"]:
                values = company["properties"]
                found[values["product_account_id"]] = {field: values.get(field) for field in fields}
            after = page.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return found

    def salesforce(self, *fields: str) -> dict[str, dict[str, str | None]]:
        """The fields of each account by the product's account id."""
        credentials = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        token = requests.post(f"{self.url}/services/oauth2/token", data=credentials, timeout=30).json()["access_token"]
        found = {}
        path = "/services/data/v68.0/query?" + urlencode(
            {"q": f"SELECT Product_Account_Id__c, {', '.join(fields)} FROM Account"}
        )
        while path:
            page = requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
            for account in page["records"]:
                found[account["Product_Account_Id__c"]] = {field: account.get(field) for field in fields}
            path = page.get("nextRecordsUrl")
        return found

    def tasks(self) -> list[dict[str, Any]]:
        """All open tasks of both CRMs."""
        return requests.get(f"{self.url}/_sandbox/tasks", params={"status": "open"}, timeout=30).json()


@contextmanager
def crm(home: Path) -> Iterator[InCrm]:
    """The home's sandbox, started again on what it holds."""
    command = [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--state", str(home / "sandbox.sqlite")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        yield InCrm(process.stdout.readline().split()[1])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def write_shop(folder: Path, *, accounts: int = ACCOUNTS, days: int = DAYS) -> None:
    """A shop of a few accounts with two or three people each; every fifth stops after two thirds of the time."""
    folder.mkdir()
    names = [f"shop-{number:02}" for number in range(accounts)]
    _write(
        folder / "customers.csv", [{"account_id": n, "name": f"Shop {n[-2:]}", "created_at": FIRST_DAY} for n in names]
    )
    _write(
        folder / "contracts.csv",
        [{"account_id": name, "mrr": 100 + 10 * number, "started": FIRST_DAY} for number, name in enumerate(names)],
    )
    _write(folder / "usage.csv", _usage(names, days))


def _usage(names: list[str], days: int) -> Iterator[dict[str, Any]]:
    features = ("orders", "stock", "reports", "invoices", "labels")
    for number, name in enumerate(names):
        for day in range(days):
            if day % 7 > 4 or (number % 5 == 0 and day > days * 2 // 3):
                continue
            for person in range(2 + number % 2):
                at = datetime.combine(FIRST_DAY, time(9 + person)) + timedelta(days=day, minutes=number)
                feature = features[(day + person + number) % (1 + number % 5)]
                yield {
                    "event_id": f"{name}-{day}-{person}",
                    "ts": at.isoformat(),
                    "account_id": name,
                    "user_id": f"{name}-person-{person}",
                    "name": f"{feature} opened",
                    "feature": feature,
                    "colour": "an unknown column is welcome",
                }


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    told = list(rows)
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, told[0].keys())
        writer.writeheader()
        writer.writerows(told)

"""A whole run whose inputs lie in a database, a bucket and a file of DuckDB: the same as from files."""

import csv
import json
import sys
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

sys.path.append(str(Path(__file__).parents[1] / "stories"))

from own_company import MAPPING, run, write_shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FETCH = """\
fetch:
  - name: usage
    database: SHOP_PG
    table: usage
    cursor: ts
    key: event_id
    batch_rows: 1000
  - name: crm_export
    url: s3://acme/crm/*.csv
    options: {key: USAGE_STORE_KEY, secret: USAGE_STORE_SECRET, endpoint_url: USAGE_STORE_URL}
  - name: contracts
    database: SHOP_DUCKDB
    query: SELECT * FROM contracts
"""


def newest(ran):
    """What was known of each account on the run's last morning."""
    rows = ran.lake("features/account_snapshot")
    last = max(row["as_of"] for row in rows)
    return sorted((row for row in rows if row["as_of"] == last), key=lambda row: row["account_id"])


def test_inputs_that_lie_elsewhere_give_what_the_same_files_give(tmp_path, postgres, s3, s3_address, monkeypatch):
    write_shop(tmp_path / "files")
    (tmp_path / "shop.yaml").write_text(MAPPING)
    from_files = run(tmp_path / "home", "run", "--mapping", tmp_path / "shop.yaml", "--data", tmp_path / "files")
    assert from_files.code == 0, from_files.said

    with (tmp_path / "files" / "usage.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["ts"])
    columns = ", ".join(f"{name} {'timestamptz' if name == 'ts' else 'text'}" for name in rows[0])
    with postgres.begin() as connection:
        connection.exec_driver_sql("SET timezone = 'UTC'")
        connection.exec_driver_sql(f"CREATE TABLE usage ({columns})")
        names = ", ".join(f":{name}" for name in rows[0])
        connection.execute(sa.text(f"INSERT INTO usage VALUES ({names})"), rows[:-100])
    s3.upload_file(str(tmp_path / "files" / "customers.csv"), "acme", "crm/customers.csv")
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(f"CREATE TABLE contracts AS FROM '{tmp_path}/files/contracts.csv'")
    monkeypatch.setenv("SHOP_PG", postgres.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SHOP_DUCKDB", f"duckdb:///{tmp_path}/shop.duckdb")
    store = {"store_key": "key", "store_secret": "a-secret-key", "store_url": s3_address}
    (tmp_path / "elsewhere.yaml").write_text(MAPPING + FETCH)
    (tmp_path / "landing").mkdir()
    home = tmp_path / "home-elsewhere"
    given = ("run", "--mapping", tmp_path / "elsewhere.yaml", "--data", tmp_path / "landing")

    first = run(home, *given, **store)
    assert first.code == 0, first.said
    assert f"usage {-(-(len(rows) - 100) // 1000)} files ({len(rows) - 100:,} rows)" in first.said

    with postgres.begin() as connection:
        connection.exec_driver_sql("SET timezone = 'UTC'")
        connection.execute(sa.text(f"INSERT INTO usage VALUES ({names})"), rows[-100:])
    looked = run(home, "fetch", "--dry-run", "--json", **store)
    assert [(one["name"], one["files"], one["rows"]) for one in json.loads(looked.said)] == [
        ("usage", None, 100),
        ("crm_export", 0, None),
        ("contracts", None, 30),
    ]
    assert run(home, "fetch", **store).said.strip() == "usage 1 files (100 rows)"
    second = run(home, *given, **store)
    assert second.code == 0, second.said
    assert "nothing new" in second.said
    assert second.summary["events"] == from_files.summary["events"]
    for secret in ("a-secret-key", "pa55"):
        assert secret not in first.said + second.said
        left = [path for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert left == []
    assert newest(second) == newest(from_files)

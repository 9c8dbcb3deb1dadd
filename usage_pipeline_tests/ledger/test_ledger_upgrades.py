"""A ledger that an older version wrote."""

from datetime import date, datetime

from sqlalchemy import create_engine, text

from usage_pipeline.ledger.store import Ledger

OLD = (
    """CREATE TABLE run (run VARCHAR(40) PRIMARY KEY, instance VARCHAR(120) NOT NULL, as_of DATE NOT NULL,
       contract_version VARCHAR(40) NOT NULL, started_at DATETIME NOT NULL, finished_at DATETIME, state VARCHAR(20) NOT NULL)""",
    "INSERT INTO run VALUES ('r1', 'hubspot:1', '2026-05-04', 'c', '2026-05-04 08:00:00', NULL, 'finished')",
    """CREATE TABLE acknowledged (instance VARCHAR(120), object VARCHAR(20), crm_id VARCHAR(40), field VARCHAR(100),
       account_id VARCHAR(255), value TEXT, at DATETIME, PRIMARY KEY (instance, object, crm_id, field))""",
    "INSERT INTO acknowledged VALUES ('hubspot:1', 'company', '7', 'usage_cohort', 'a', 'New', '2026-05-03 08:00:00')",
    "INSERT INTO acknowledged VALUES ('hubspot:1', 'company', '7', 'usage_health', 'a', NULL, '2026-05-04 08:00:00')",
)


def test_an_older_ledger_keeps_its_runs_and_confirmed_values_and_takes_new_ones(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in OLD:
            connection.execute(text(statement))
    engine.dispose()
    Ledger(url).close()
    ledger = Ledger(url)
    ledger.begin("r2", "hubspot:1", date(2026, 5, 5), "c", datetime(2026, 5, 5), approved_by="the lead")
    (record,) = ledger.records("hubspot:1", ["usage_cohort"]).to_dict("records")
    assert (record["crm_id"], record["usage_cohort"], record["written_on"]) == ("7", "New", date(2026, 5, 4))
    assert ledger.table("run")[["run", "approved_by"]].to_numpy().tolist() == [["r1", None], ["r2", "the lead"]]
    ledger.close()

from datetime import date

import ibis
import pytest
from moto.server import ThreadedMotoServer

from usage_pipeline import engine
from usage_pipeline.lake import Column, Lake, Table

USE = Table(
    "usage",
    "use",
    "account and day",
    (Column("account_id", "string", "Account"), Column("uses", "int64", "Uses"), Column("day", "date", "Day")),
    partition="day",
)


@pytest.fixture
def bucket(monkeypatch):
    """An S3 on loopback, as the environment names it to delta-rs and fsspec alike."""
    fsspec = pytest.importorskip("s3fs")
    import boto3

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "tester",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.S3FileSystem.clear_instance_cache()
    boto3.client("s3").create_bucket(Bucket="acme-lake")
    yield "s3://acme-lake/lake"
    server.stop()


def test_a_lake_in_an_object_store_is_written_and_read(bucket, tmp_path):
    lake = Lake(bucket, engine.connect(memory_limit="1GB", threads=1, spill=tmp_path))
    days = ["2026-01-01", "2026-01-02"]
    rows = {"account_id": ["acme", "beta"], "uses": [1, None], "day": days}
    lake.replace(USE, ibis.memtable(rows, schema=USE.schema))
    lake.replace(
        USE, ibis.memtable({name: values[1:] for name, values in rows.items()}, schema=USE.schema), [date(2026, 1, 2)]
    )
    found = lake.backend.to_pyarrow(lake.read(USE).order_by("day"))
    assert found.column("account_id").to_pylist() == ["acme", "beta"]
    assert found.schema == USE.schema.to_pyarrow()

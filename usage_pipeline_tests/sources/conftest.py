"""What lies elsewhere, on this machine: an S3 that listens on loopback, and a PostgreSQL of the test run's own."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

PASSWORD = "pa55/word@db"
"""Its signs must be quoted in an address."""
# Debian keeps the server's programs out of the path.
PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name):
    return shutil.which(name, path=os.pathsep.join([*map(str, PLACES), os.environ.get("PATH", "")]))


def do(name, *arguments):
    """Run one of PostgreSQL's programs, as its own user where we are root: it refuses to be."""
    command = [program(name), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL that this test run starts and ends: on a free port of loopback, its files in a folder of its own."""
    if program("initdb") is None or program("pg_ctl") is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    # Not in pytest's own folder: that is closed to other users, and each pytest that starts closes it again.
    with tempfile.TemporaryDirectory(prefix="usage-pg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
        word, data = home / "word", str(home / "data")
        word.write_text(PASSWORD)
        word.chmod(0o644)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
        # A zone that is nobody's default here: what is read must not depend on it.
        options += " -c timezone=Asia/Kolkata"
        do("initdb", "-D", data, "-U", "usage", "--auth=scram-sha-256", f"--pwfile={word}", "-N", "-E", "UTF8")
        do("pg_ctl", "-D", data, "-o", options, "-l", str(home / "log"), "-w", "start")
        yield sa.URL.create("postgresql", "usage", PASSWORD, "127.0.0.1", port, "postgres")
        do("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture
def postgres(cluster):
    """An empty database, and its address with its password."""
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(cluster, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = sa.create_engine(cluster.set(database=name), poolclass=sa.NullPool)
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def s3_address():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_address, monkeypatch):
    """A client of an S3 with the empty bucket `acme`."""
    import boto3

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    client = boto3.client(
        "s3",
        endpoint_url=s3_address,
        aws_access_key_id="key",
        aws_secret_access_key="a-secret-key",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="acme")
    yield client
    for one in client.list_objects_v2(Bucket="acme").get("Contents", []):
        client.delete_object(Bucket="acme", Key=one["Key"])
    client.delete_bucket(Bucket="acme")

import subprocess
import sys
import time

import pytest
import requests
from sandbox_builders import COMPANIES
from sandbox_process import ROOT, running

TOKEN = {"authorization": "Bearer sandbox-token"}


def create(sandbox, name):
    return requests.post(sandbox.http + COMPANIES, json={"properties": {"name": name}}, headers=TOKEN, timeout=10)


def names(sandbox):
    rows = requests.get(sandbox.http + COMPANIES, headers=TOKEN, timeout=10).json()["results"]
    return [each["properties"]["name"] for each in rows]


def test_what_was_answered_survives_a_kill_and_the_portal_stays_the_same(tmp_path):
    state = tmp_path / "sandbox.sqlite"
    with running(state) as sandbox:
        portal = requests.get(f"{sandbox.http}/_sandbox/health", timeout=10).json()["portal_id"]
        for name in ("a", "b", "c"):
            assert create(sandbox, name).status_code == 201
        sandbox.kill()
    with running(state) as sandbox:
        assert names(sandbox) == ["a", "b", "c"]
        assert requests.get(f"{sandbox.http}/_sandbox/health", timeout=10).json()["portal_id"] == portal


def test_a_connection_cut_after_the_commit_leaves_the_record_and_no_answer(tmp_path):
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        fault = {"match": "POST", "kind": "drop_after_commit", "crm": "hubspot"}
        requests.post(f"{sandbox.http}/_sandbox/faults", json=fault, timeout=10)
        with pytest.raises(requests.ConnectionError):
            create(sandbox, "lost")
        assert names(sandbox) == ["lost"]
        assert create(sandbox, "next").status_code == 201
        logged = requests.get(f"{sandbox.http}/_sandbox/log", timeout=10).json()
        assert [each["status"] for each in logged] == [0, 200, 201]


def test_tls_beside_http_trusts_by_its_own_certificate_and_a_stop_is_clean(tmp_path):
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        health = requests.get(f"{sandbox.https}/_sandbox/health", verify=sandbox.certificate, timeout=10)
        assert health.json()["ok"] is True
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        told = requests.post(
            f"{sandbox.https}/services/oauth2/token", data=form, verify=sandbox.certificate, timeout=10
        )
        assert told.json()["instance_url"] == sandbox.https
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{sandbox.https}/_sandbox/health", timeout=10)
        assert sandbox.stop() == 0


def test_a_second_sandbox_on_the_same_file_is_refused_with_the_fix(tmp_path):
    state = tmp_path / "sandbox.sqlite"
    with running(state):
        command = [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--state", str(state)]
        second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=30)
    assert second.returncode == 1
    assert "If another sandbox uses it, stop that one" in second.stderr


def test_a_write_takes_milliseconds_for_the_sandbox_and_for_its_client(tmp_path):
    with running(tmp_path / "sandbox.sqlite") as sandbox:
        session, trips = requests.Session(), []
        session.headers.update(TOKEN)
        for at in range(50):
            started = time.perf_counter()
            session.post(sandbox.http + COMPANIES, json={"properties": {"name": f"c{at}"}}, timeout=10)
            trips.append(time.perf_counter() - started)
        taken = [each["ms"] for each in requests.get(f"{sandbox.http}/_sandbox/log", timeout=10).json()]
    # The quickest of fifty, since other work shares the machine. A connection that waits for
    # acknowledgements needs 40 ms at least, each time.
    assert min(taken) < 3
    assert min(trips) < 0.03

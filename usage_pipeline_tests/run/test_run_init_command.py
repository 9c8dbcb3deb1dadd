"""The command `init` at a terminal."""

import json

import own_files
import pytest
from typer.testing import CliRunner

from usage_pipeline.cli.main import app
from usage_pipeline.errors import Rejected


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("USAGE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    own_files.write_events(tmp_path / "mine")
    own_files.write_accounts(tmp_path / "mine")
    return tmp_path / "mine"


def init(*arguments):
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


def test_it_ends_with_the_next_command(folder):
    ran = init("--data", "mine", "--company", "acme")
    assert ran.exit_code == 0
    assert "usage-pipeline run --mapping company.yaml --data mine" in ran.output
    assert "company: acme" in (folder.parent / "company.yaml").read_text()
    assert not (folder.parent / "home").exists()


def test_a_folder_with_a_blank_in_its_name_can_be_pasted(folder):
    (folder.parent / "my files").symlink_to(folder)
    ran = init("--data", "my files", "--company", "acme")
    assert "usage-pipeline run --mapping company.yaml --data 'my files'" in ran.output


def test_it_writes_over_nothing_unless_told_to(folder):
    (folder.parent / "company.yaml").write_text("mine: all mine\n")
    refused = init("--data", "mine")
    assert isinstance(refused.exception, Rejected)
    assert (folder.parent / "company.yaml").read_text() == "mine: all mine\n"
    assert init("--data", "mine", "--yes").exit_code == 0
    assert "company: mine" in (folder.parent / "company.yaml").read_text()


def test_for_programs_it_says_the_same_in_json(folder):
    told = json.loads(init("--data", "mine", "--json").output)
    assert told["is_ready"]
    assert told["trial"]["accepted"] == own_files.ACCOUNTS * own_files.DAYS
    assert {part["taken_as"]: part["rows"] for part in told["parts"]} == {
        "events": own_files.ACCOUNTS * own_files.DAYS,
        "account": own_files.ACCOUNTS,
    }


def test_what_cannot_run_ends_with_1_and_the_question(folder):
    rows = [["05/06/2026", own_files.org(n % 3), "used", n] for n in range(30)]
    own_files.write(folder / "events.csv", ["date", "org", "action", "n"], rows)
    ran = init("--data", "mine")
    assert ran.exit_code == 1
    assert "day first or month first" in ran.output
    assert "Not ready" in ran.output

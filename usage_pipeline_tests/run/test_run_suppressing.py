"""An account that a person keeps out: its tasks and fields are taken back, and everybody else's stay."""

import pytest
import receiver as receivers
from decided_home import Crm, decided
from typer.testing import CliRunner

from usage_pipeline.cli.main import app
from usage_pipeline.errors import Rejected
from usage_pipeline.ledger import suppressing
from usage_pipeline.run import delivering
from usage_pipeline.run import suppressing as keeping_out


@pytest.fixture
def place(tmp_path, monkeypatch):
    with receivers.running() as receiver, decided(tmp_path, monkeypatch, Crm("101", "102"), receiver) as one:
        yield one


def keep_out(place, account):
    with suppressing.opened(place.settings.ledger) as engine:
        suppressing.suppress(engine, account, until=None, reason=None, asked_by="me", at=place.now())


def plan():
    made = delivering.make_plans(as_of=None, only=None, select=(), limit=None, hide=False)
    return made.plans[0], made.messages


def test_who_is_kept_out_gets_no_task_no_field_and_no_message(place):
    before, told = plan()
    assert {one.account_id for one in before.new_tasks} == {"a"}
    assert any(told.values())
    keep_out(place, "a")
    after, told = plan()
    assert after.new_tasks == ()
    assert "a" not in {one.account_id for one in after.fields}
    assert {one for one in before.fields if one.account_id == "b"} == {
        one for one in after.fields if one.account_id == "b"
    }
    assert not any(told.values())


def test_an_account_that_nobody_knows_is_refused(place):
    with pytest.raises(Rejected, match="no account"):
        keeping_out.suppress(place, "zz", until=None, reason=None, asked_by="me")


def test_the_terminal_lists_who_is_out(place):
    keep_out(place, "a")
    said = CliRunner().invoke(app, ["suppress"], catch_exceptions=False)
    assert "a  for good  no reason given (me)" in said.output
    assert CliRunner().invoke(app, ["suppress", "a", "--lift"]).output.startswith("a is in again")

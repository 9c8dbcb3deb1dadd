"""How many calls a delivery makes, counted by the sandbox: `make bench-delivery` in small, a hundred companies."""

import pytest

from benchmarks import delivery_calls
from benchmarks.delivery_sandbox import running

COMPANIES = 100


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    with running(folder / "sandbox") as sandbox:
        ids = sandbox.fill(COMPANIES, delivery_calls.CRMS)
        yield {crm: delivery_calls.of(sandbox, crm, ids[crm], folder) for crm in delivery_calls.CRMS}


@pytest.mark.parametrize("crm", delivery_calls.CRMS)
def test_a_hundred_changed_companies_cost_one_write_call(calls, crm):
    fields = calls[crm]["fields"]
    assert (fields["writes"], fields["reads"], fields["refused"]) == (1, 0, 0)
    assert fields["records_written"] == COMPANIES


@pytest.mark.parametrize(("crm", "writes"), [("hubspot", 2), ("salesforce", 1)])
def test_a_hundred_tasks_cost_one_write_call_and_in_hubspot_one_for_their_companies(calls, crm, writes):
    tasks = calls[crm]["tasks"]
    assert tasks["writes"] == writes
    assert tasks["tasks_opened"] == COMPANIES


@pytest.mark.parametrize("crm", delivery_calls.CRMS)
@pytest.mark.parametrize("work", ["fields_again", "tasks_again"])
def test_what_has_not_changed_costs_no_call(calls, crm, work):
    assert (calls[crm][work]["writes"], calls[crm][work]["reads"]) == (0, 0)


@pytest.mark.parametrize("crm", delivery_calls.CRMS)
def test_the_crm_holds_all_that_was_wanted(calls, crm):
    assert {work: one["rows_that_differ"] for work, one in calls[crm].items()} == dict.fromkeys(calls[crm], 0)

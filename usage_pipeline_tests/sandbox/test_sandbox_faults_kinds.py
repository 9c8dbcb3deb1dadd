import importlib

import pytest
from sandbox_faults import PROVEN, arm

from usage_pipeline.sandbox.kinds import KINDS


def test_every_kind_of_fault_has_a_proof_in_every_crm_that_knows_it():
    for part in ("network", "hubspot", "salesforce"):
        importlib.import_module(f"test_sandbox_faults_{part}")
    assert {(crm, kind) for crm, known in KINDS.items() for kind in known} == PROVEN


def test_each_crm_knows_at_least_twenty_five_kinds():
    assert all(len(known) >= 25 for known in KINDS.values())


@pytest.mark.parametrize("crm", KINDS)
def test_the_list_of_kinds_says_in_words_what_each_does_and_each_can_be_armed(http, crm):
    listed = {each["name"]: each for each in http.get("/_sandbox/faults/kinds").json() if crm in each["crms"]}
    assert set(listed) == set(KINDS[crm])
    for name, kind in listed.items():
        assert len(kind["says"][crm]) > 20
        arm(http, name, crm=crm)

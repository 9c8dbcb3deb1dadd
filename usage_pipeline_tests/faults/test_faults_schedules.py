"""Random schedules of faults over several mornings, with people at work in between: 1,000 in `make soak`, a tenth else."""

import os
import random
from datetime import timedelta

import pytest
import requests
from faults_matrix import ACCOUNTS, begun, settled
from faults_proof import differences
from faults_world import FIRST, WHOLE, Wanted

from usage_pipeline.errors import Problem
from usage_pipeline.sandbox.kinds import KINDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
SEEDS = 1_000 if os.environ.get("SOAK") else 100
MORNINGS = 3
COHORTS = ("New", "Risk-Inactive", "Stuck-Activated")
# What an administrator does to single records has rows of its own in the matrix: put back after the
# pipeline has taken note, it is a person's word against ours, and no fault.
LEFT_OUT = {"record_archived", "record_deleted", "record_merged"}


def schedule(seed, way, dice):
    """A few kinds at some rate, or all at a small one."""
    kinds = sorted(set(KINDS[way.crm]) - LEFT_OUT)
    some = kinds if dice.random() < 0.5 else dice.sample(kinds, dice.randint(1, 4))
    return {
        "crm": way.crm,
        "schedule": {"seed": seed, "rate": dice.choice((0.03, 0.1, 0.3)), "kinds": some},
        "seconds": 0.7,
    }


class Wishes:
    """What is wanted changes from morning to morning; an episode that ended does not begin again."""

    def __init__(self, dice):
        self._dice = dice
        self._open = {}

    def on(self, number):
        dice = self._dice
        cohorts = {account: dice.choice(COHORTS) for account in ACCOUNTS}
        kept = {key: body for key, body in self._open.items() if dice.random() < 0.8}
        kept = {key: f"{body} More." if dice.random() < 0.3 else body for key, body in kept.items()}
        begins = {(account, FIRST + timedelta(days=number)) for account in ACCOUNTS if dice.random() < 0.4}
        self._open = kept | dict.fromkeys(sorted(begins), "Use fell.")
        return Wanted(cohorts, dict(self._open))


def people(sandbox, crm, dice):
    """Somebody finishes a task, somebody edits a company."""
    tasks = [task for task in sandbox.get("state", crm=crm)[crm]["tasks"] if not task["archived"]]
    waiting = [task for task in tasks if task["state"] == "open"]
    if dice.random() < 0.3:
        company = dice.choice(sandbox.get("state", crm=crm)[crm]["companies"])
        name = {"hubspot": "usage_cohort", "salesforce": "Usage_Cohort__c"}[crm]
        edit = {"properties": {name: dice.choice(COHORTS)}}
        # Refused where a fault has deleted the field.
        requests.patch(f"{sandbox.url}/_sandbox/companies/{crm}/{company['id']}", json=edit, timeout=30)
    if waiting and dice.random() < 0.3:
        task = dice.choice(waiting)
        sandbox.post(f"tasks/{crm}/{task['id']}", status="done", answer="called")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_random_faults_the_crm_holds_once_what_was_wanted_and_the_ledger_agrees(sandbox, tmp_path, seed):
    dice = random.Random(seed)
    name = list(WHOLE)[seed % len(WHOLE)]
    world, wishes = begun(sandbox, name, tmp_path, nothing_first=True), Wishes(dice)
    world.rows_per_call = dice.randint(1, 4)
    sandbox.post("faults", **schedule(seed, world.way, dice))
    told = []
    for number in range(MORNINGS):
        asked = wishes.on(number)
        came = world.try_to_deliver(asked)
        told.append(str(came) if isinstance(came, Problem) else came.in_short)
        people(sandbox, world.way.crm, dice)
    sandbox.delete("faults")
    sandbox.post("faults/mend")
    _, last = settled(world, asked)
    assert [*([] if last.is_nothing else [last.in_short]), *differences(world, asked)] == [], told

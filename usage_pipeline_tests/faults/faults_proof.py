"""What must be true once a fault is over: the CRM says what was wanted, and the ledger says what the CRM holds."""

import json
from collections import Counter

from faults_world import task_key

from usage_pipeline import frames
from usage_pipeline.crm.contract import CONTRACT


def differences(world, asked):
    """Everything that is not as it must be, one sentence each; none: the effect is there exactly once."""
    held = Held(world)
    return [
        *_fields(held, asked),
        *_tasks(held, asked),
        *_records_of_the_ledger(held),
        *_episodes_of_the_ledger(held),
        *(f"{one.kind} of {one.key} has no known end" for one in held.unsettled),
        *(
            f"{row['kind']} of {row['account_id']} waits in quarantine: {row['detail']}"
            for row in held.quarantine
            if row["account_id"] in held.companies
        ),
    ]


class Held:
    """Both sides as they are now."""

    def __init__(self, world):
        state = world.sandbox.get("state", crm=world.way.crm)[world.way.crm]
        self.all_companies = {one["id"]: one for one in state["companies"]}
        self.companies = {one["account_key"]: one for one in state["companies"] if _is_live(one) and one["account_key"]}
        self.tasks = [one for one in state["tasks"] if not one["archived"]]
        self.open_tasks = [one for one in self.tasks if one["state"] == "open"]
        self.names = {one.name: one.name if world.way.crm == "hubspot" else one.salesforce for one in CONTRACT.fields}
        crm = world.client()
        with world.ledger() as ledger:
            instance = crm.instance().key
            self.records = frames.rows(ledger.table("record"))
            self.episodes = {row["task_key"]: row for row in frames.rows(ledger.episodes(instance))}
            self.quarantine = frames.rows(ledger.quarantine(instance))
            self.unsettled = ledger.unsettled(instance)

    def fields_of(self, company):
        """The company's fields by our names; an empty one is None."""
        return {ours: CONTRACT.field(ours).canonical(company["fields"].get(name)) for ours, name in self.names.items()}

    def became(self, company_id):
        """The record to which an id leads after merges."""
        while company_id in self.all_companies and self.all_companies[company_id]["merged_into"]:
            company_id = self.all_companies[company_id]["merged_into"]
        return company_id


def _is_live(company):
    return not company["archived"] and not company["merged_into"]


def _fields(held, asked):
    for account, cohort in asked.cohorts.items():
        if account in held.companies and held.fields_of(held.companies[account])["usage_cohort"] != cohort:
            found = held.fields_of(held.companies[account])["usage_cohort"]
            yield f"{account} should be {cohort} and is {found}"


def _tasks(held, asked):
    wanted = {task_key(account, since): account for account, since in asked.tasks}
    for key, count in Counter(task["key"] for task in held.tasks).items():
        if count > 1:
            yield f"the task {key} is there {count} times"
    for task in held.open_tasks:
        if task["key"] not in wanted:
            yield f"the task {task['id']} ({task['key']}) is open and nobody wants it"
        elif task["company_id"] is None and wanted[task["key"]] in held.companies:
            yield f"the task {task['id']} of {wanted[task['key']]} is on no company"
    open_ones = {task["key"]: task for task in held.open_tasks}
    closed = {task["key"] for task in held.tasks if task["state"] != "open"}
    for key, account in wanted.items():
        if account not in held.companies or _was_deleted(held, key):
            continue
        if held.episodes.get(key, {}).get("status") == "withdrawn":
            yield f"the task of {account} was withdrawn"
        elif key in closed:
            continue  # a person has finished it
        elif key not in open_ones:
            yield f"the task of {account} is lost"
        elif open_ones[key]["company_id"] not in {held.companies[account]["id"], None}:
            yield f"the task of {account} is on {open_ones[key]['company_id']}"


def _was_deleted(held, key):
    """A person has deleted it in the CRM, and the ledger knows: an episode is opened once."""
    return held.episodes.get(key, {}).get("answer") == "deleted in the CRM"


def _records_of_the_ledger(held):
    for row in held.records:
        company = held.all_companies.get(row["crm_id"])
        if company is None or not _is_live(company):
            continue
        now = held.fields_of(company)
        for name, value in json.loads(row["fields"]).items():
            if now[name] != value:
                yield f"the ledger says {name} = {value} of {row['account_id']}, the CRM {now[name]}"
    known = {row["crm_id"] for row in held.records}
    for account, company in held.companies.items():
        if company["id"] not in known and any(held.fields_of(company).values()):
            yield f"the ledger knows nothing of {account}"


def _episodes_of_the_ledger(held):
    by_id = {task["id"]: task for task in held.tasks}
    for key, row in held.episodes.items():
        task = by_id.get(row["task_id"])
        is_open = task is not None and task["state"] == "open"
        if is_open != (row["status"] == "open"):
            yield f"the ledger says the task of {row['account_id']} is {row['status']}, the CRM {task and task['state']}"
        elif is_open and task["key"] != key:
            yield f"the ledger says the task {row['task_id']} is {key}, the CRM {task['key']}"
        elif is_open and task["company_id"] and held.became(row["crm_id"]) != task["company_id"]:
            yield f"the ledger says the task of {row['account_id']} is on {row['crm_id']}, the CRM {task['company_id']}"
    ours = {row["task_id"] for row in held.episodes.values()}
    for task in held.tasks:
        if task["key"] and task["id"] not in ours:
            yield f"the ledger does not know the task {task['id']} ({task['key']})"

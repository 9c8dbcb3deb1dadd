"""A CRM in memory that answers `client.Crm`, and crashes or refuses where a test says so."""

from collections import Counter
from dataclasses import replace

from sync_builders import HUBSPOT

from usage_pipeline.crm.calling import Calls, Class
from usage_pipeline.crm.client import Provisioned, RowResult, TaskState, TaskStatus
from usage_pipeline.crm.rejections import Cause, Rejection


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it."""


class FakeCrm:
    name = "hubspot"
    rows_per_call = 2
    senders = 1
    settle_after_s = 0.0
    duplicates_archived = 0
    opening_class = Class.IDEMPOTENT
    contacts = None
    lists = None

    def __init__(self, *companies, instance=HUBSPOT):
        self.calls = Calls()
        self.companies = {company: {} for company in companies}
        self.keys = {}
        """Record: account key"""
        self.lost = {}
        """Record: Fate"""
        self.tasks = {}
        self.delivered = Counter()
        self.kill = None
        """(question, "before" | "after", nth call)"""
        self.refuse = {}
        """Record or task key: Rejection"""
        self.lose_answers = False
        self.unreadable = {}
        """Question that only reads: what it raises"""
        self.blind = 0
        """Readings of tasks that do not see what was just written"""
        self.lacks = ()
        self._asked = Counter()
        self._instance = instance

    def instance(self):
        return self._instance

    def owners(self):
        return []

    def records(self, account_key, contract):  # noqa: ARG002
        return []

    def calls_left(self):
        return None

    def rows_at_once(self, rows):  # noqa: ARG002
        return self.rows_per_call

    def provision(self, contract):  # noqa: ARG002
        return Provisioned(self.lacks)

    def field_values(self, ids, contract):
        self.calls.reads += 1
        everything = dict.fromkeys(field.name for field in contract.fields)
        return {one: everything | self.companies[one] for one in ids if one in self.companies}

    def write_fields(self, batch, contract):  # noqa: ARG002
        return self._write("write_fields", batch, lambda row: row.crm_id, self._set_fields)

    def fates(self, ids):
        return {one: self.lost[one] for one in ids if one in self.lost}

    def creating_class(self, account_key):  # noqa: ARG002
        return self.opening_class

    def creating_settles_after_s(self, account_key):  # noqa: ARG002
        return self.settle_after_s

    def create_records(self, batch, account_key, contract):  # noqa: ARG002
        return self._write("create_records", batch, lambda row: row.account_key, self._create)

    def find_records(self, keys, account_key):  # noqa: ARG002
        self._read("find_records")
        return {
            key: [one for one, held in self.keys.items() if held == key] for key in keys if key in self.keys.values()
        }

    def open_tasks(self, batch):
        return self._write("open_tasks", batch, lambda row: row.key, self._open)

    def change_tasks(self, batch):
        if "change_tasks" in self.unreadable:
            raise self.unreadable["change_tasks"]
        return self._write("change_tasks", batch, lambda row: row.key, self._change)

    def find_tasks(self, batch):
        self._read("find_tasks")
        if self.blind:
            self.blind -= 1
            return {}
        wanted = {row.key for row in batch}
        return {state.key: state for state in self.tasks.values() if state.key in wanted}

    def task_states(self, ids):
        self.calls.reads += 1
        return {one: self.tasks[one] for one in ids if one in self.tasks}

    def people(self, key, **changes):
        """A person changes a task."""
        task_id, state = next((task_id, state) for task_id, state in self.tasks.items() if state.key == key)
        self.tasks[task_id] = replace(state, **changes)

    def _read(self, question):
        self.calls.reads += 1
        if question in self.unreadable:
            raise self.unreadable[question]

    def _write(self, question, batch, name, act):
        self._asked[question] += 1
        self.calls.writes += 1
        assert 0 < len(batch) <= self.rows_per_call
        self._die_if(question, "before")
        results = []
        for row in batch:
            refused = self.refuse.get(name(row))
            if refused:
                results.append(RowResult(row.key, "failed", rejection=refused))
                continue
            results.append(act(row))
        self._die_if(question, "after")
        if self.lose_answers:
            lost = Rejection.of(Cause.TRANSIENT, "the answer was lost")
            return [RowResult(row.key, "unknown", rejection=lost) for row in batch]
        return results[::-1]

    def _die_if(self, question, when):
        if self.kill == (question, when, self._asked[question]):
            self.kill = None
            raise Killed

    def _set_fields(self, row):
        for name, value in row.values.items():
            self.companies[row.crm_id][name] = value
            self.delivered[row.crm_id, name, value] += 1
        return RowResult(row.key, "ok", row.crm_id)

    def _create(self, row):
        crm_id = f"c{len(self.companies) + 1}"
        self.companies[crm_id] = dict(row.values)
        self.keys[crm_id] = row.account_key
        self.delivered["created", row.account_key] += 1
        return RowResult(row.key, "ok", crm_id)

    def _open(self, row):
        found = next((task_id for task_id, state in self.tasks.items() if state.key == row.key), None)
        task_id = found or f"t{len(self.tasks) + 1}"
        self.tasks[task_id] = TaskState(task_id, row.key, TaskStatus.OPEN, row.text, None, is_begun=False)
        self.delivered[row.key] += 1
        return RowResult(row.key, "ok", task_id)

    def _change(self, row):
        state = self.tasks[row.task_id]
        if not state.is_untouched(row.before):
            return RowResult(row.key, "left", row.task_id)
        if row.after is None:
            self.tasks[row.task_id] = replace(state, status=TaskStatus.WITHDRAWN)
        else:
            self.tasks[row.task_id] = replace(state, text=row.after)
        self.delivered[row.key, "changed"] += 1
        return RowResult(row.key, "ok", row.task_id)

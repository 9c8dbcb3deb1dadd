"""Several batches of fields on their way at once, in an order that the test says."""

import contextvars
import threading

import pytest
from sync_builders import HUBSPOT, NAMES, NOON, decision, frame, link, values
from sync_builders import plan as planned
from sync_fake_crm import FakeCrm

from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.ledger.operations import Operation
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.sync import applying
from usage_pipeline.sync.line import Line

SENDERS = 3
ACCOUNTS = [f"a{number:02}" for number in range(1, 13)]
RECORDS = [f"{100 + number}" for number in range(1, 13)]
LINKS = frame(*(link(account, crm_id) for account, crm_id in zip(ACCOUNTS, RECORDS, strict=True)))
PATIENCE_S = 10.0


class Crowded(FakeCrm):
    """Answers no batch of fields before as many are there as may be, and then in the order that a test wants."""

    senders = SENDERS

    def __init__(self, *companies):
        super().__init__(*companies)
        self.answers_in = [0, 1, 2]
        """Within each handful: the place at which its nth batch is answered."""
        self.break_at = None
        self.flying = set()
        self.most = 0
        self.batches = []
        self._changed = threading.Condition()
        self._answered = 0

    def write_fields(self, batch, contract):
        mine = {row.crm_id for row in batch}
        with self._changed:
            assert not mine & self.flying, "a record is on its way twice"
            self.flying |= mine
            # By the records, since which of the threads comes first is chance.
            number = RECORDS.index(min(mine)) // self.rows_per_call
            self.batches.append(sorted(mine))
            handful, place = divmod(number, SENDERS)
            self.most = max(self.most, len(self.flying) // self.rows_per_call)
            self._changed.notify_all()
            turn = handful * SENDERS + self.answers_in[place]
            full = min((handful + 1) * SENDERS, len(RECORDS) // self.rows_per_call)
            assert self._changed.wait_for(
                lambda: self._answered == turn and (len(self.batches) >= full or self._is_over()), PATIENCE_S
            )
            try:
                if number == self.break_at:
                    raise ZeroDivisionError
                return super().write_fields(batch, contract)
            finally:
                self._answered += 1
                self.flying -= mine
                self._changed.notify_all()

    def _is_over(self):
        return False


@pytest.fixture
def crm():
    return Crowded(*RECORDS)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


def plan(ledger, decisions=(), cohort="New"):
    return planned(
        values(**{account: {"usage_cohort": cohort} for account in ACCOUNTS}),
        decisions,
        LINKS,
        ledger.records(HUBSPOT.key, NAMES),
        ledger.episodes(HUBSPOT.key).to_dict("records"),
        ledger.quarantine(HUBSPOT.key).to_dict("records"),
        sequence=ledger.sequence(HUBSPOT.key),
        instance=HUBSPOT,
    )


def apply(made, crm, ledger, **how):
    return applying.apply(made, crm, ledger, now=lambda: NOON, pause=lambda _: None, **how)


def test_as_many_batches_of_fields_are_on_their_way_as_the_crm_takes_and_no_record_twice(crm, ledger):
    done = apply(plan(ledger), crm, ledger)
    assert (crm.most, len(crm.batches)) == (SENDERS, 6)
    assert (done.records_written, done.failed) == (12, 0)
    assert (len(crm.delivered), set(crm.delivered.values())) == (12, {1})
    assert apply(plan(ledger), crm, ledger).is_nothing


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 2, 0], [0, 2, 1]])
def test_answers_that_come_in_another_order_are_each_batchs_own(crm, ledger, order):
    crm.answers_in = order
    crm.refuse = {one: Rejection.of(Cause.BUSINESS_RULE, f"no to {one}") for one in ("103", "106", "112")}
    told = []
    done = apply(plan(ledger), crm, ledger, progress=told.append)
    assert (done.records_written, done.quarantined) == (9, 3)
    waiting = {row["crm_id"]: row["detail"] for row in ledger.quarantine(HUBSPOT.key).to_dict("records")}
    assert waiting == {one: f"no to {one}" for one in ("103", "106", "112")}
    known = ledger.records(HUBSPOT.key, NAMES)
    assert set(known["crm_id"]) == set(RECORDS) - {"103", "106", "112"}
    assert told[-1] == "hubspot: fields 12 of 12"


def test_the_main_thread_alone_writes_the_ledger_and_intends_in_the_plans_order(crm, ledger, monkeypatch):
    crm.answers_in = [2, 1, 0]
    writers, intended = set(), []
    for name in ("intend", "sending", "settle"):
        own = getattr(Ledger, name)

        def watched(self, *given, own=own, name=name):
            writers.add(threading.current_thread())
            intended.extend([one.crm_id for one in given[2]] if name == "intend" else [])
            return own(self, *given)

        monkeypatch.setattr(Ledger, name, watched)
    apply(plan(ledger), crm, ledger)
    assert writers == {threading.current_thread()}
    assert intended == RECORDS


def test_tasks_wait_for_the_last_of_the_fields_and_go_one_batch_after_the_other(crm, ledger):
    seen = []
    opened = crm.open_tasks

    def open_tasks(batch):
        seen.append((set(crm.flying), threading.active_count()))
        return opened(batch)

    crm.open_tasks = open_tasks
    before = threading.active_count()
    done = apply(plan(ledger, [decision(account) for account in ACCOUNTS[:5]]), crm, ledger)
    assert done.tasks_opened == 5
    # The lease's own thread, and one that sends.
    assert seen == [(set(), before + 2)] * 3


def test_a_spent_budget_lets_those_on_their_way_end_and_nothing_more_leaves(crm, ledger):
    crm.answers_in = [1, 0, 2]
    spent = Rejection.of(Cause.BUDGET, "the day's calls are used up")
    crm.refuse = {"103": spent, "104": spent}
    # What would fill the second handful never leaves.
    crm._is_over = lambda: True
    done = apply(plan(ledger), crm, ledger)
    sent = {one for batch in crm.batches for one in batch}
    assert {"101", "102", "103", "104"} <= sent
    assert len(crm.batches) <= SENDERS
    assert done.records_written == len(sent) - 2
    assert done.failed == 12 - done.records_written
    assert ledger.unsettled(HUBSPOT.key) == []
    crm.refuse, crm.batches, crm._answered, crm.senders = {}, [], 0, 1
    crm.write_fields = lambda batch, contract: FakeCrm.write_fields(crm, batch, contract)
    assert apply(plan(ledger), crm, ledger).records_written == 12 - done.records_written
    assert set(crm.delivered.values()) == {1}


def test_a_sender_that_breaks_off_leaves_the_ends_of_the_others_written_and_its_own_open(crm, ledger):
    crm.answers_in, crm.break_at = [1, 0, 2], 1
    crm._is_over = lambda: True
    with pytest.raises(ZeroDivisionError):
        apply(plan(ledger), crm, ledger)
    assert {one.crm_id for one in ledger.unsettled(HUBSPOT.key) if one.state == "sent"} == {"103", "104"}
    written = {one for batch in crm.batches for one in batch} - {"103", "104"}
    assert {"101", "102"} <= written
    assert set(ledger.records(HUBSPOT.key, NAMES)["crm_id"]) == written
    crm.write_fields = lambda batch, contract: FakeCrm.write_fields(crm, batch, contract)
    apply(plan(ledger), crm, ledger)
    assert (len(crm.delivered), set(crm.delivered.values())) == (12, {1})
    assert apply(plan(ledger), crm, ledger).is_nothing


def operation(name, crm_id):
    return Operation(name, "contact_fields", name, "a", crm_id, {}, "idempotent", None)


def test_two_batches_that_name_one_record_are_never_on_their_way_together():
    # Two users with two addresses may be one contact.
    ended = threading.Event()
    with Line(SENDERS) as line:
        line.send([operation("u1", "7"), operation("u2", "8")], lambda _: ended.wait(PATIENCE_S) and [])
        assert not line.has_room([operation("u3", "8")])
        assert line.has_room([operation("u3", "9")])
        ended.set()
        line.landed(waits=True)
        assert line.has_room([operation("u3", "8")])


def test_a_sender_works_in_the_context_of_who_sent_it():
    said = contextvars.ContextVar("said", default="nothing")
    said.set("the delivery's own span")
    heard = []
    with Line(SENDERS) as line:
        line.send([operation("u1", "7")], lambda _: heard.append(said.get()) or [])
        line.landed(waits=True)
    assert heard == ["the delivery's own span"]

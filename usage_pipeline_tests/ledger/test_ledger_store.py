import subprocess
import sys
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from usage_pipeline.crm.rejections import Cause, Rejection
from usage_pipeline.errors import Unavailable
from usage_pipeline.ledger import leases
from usage_pipeline.ledger.operations import Operation, Settled
from usage_pipeline.ledger.store import Ledger

HERE = "hubspot:1"
NOON = datetime(2026, 5, 4, 12)
MORNING = date(2026, 5, 4)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield ledger
    ledger.close()


def fields(number=1, **values):
    return Operation(f"op{number}", "fields", f"a{number}", f"a{number}", str(number), values, "idempotent", MORNING)


def sent(ledger, *operations):
    ledger.intend("run", HERE, operations, NOON)
    ledger.sending(operations, NOON)
    return operations


def test_what_was_sent_is_unsettled_until_its_end_is_written_down(ledger):
    (operation,) = sent(ledger, fields(cohort="New"))
    assert [(one.id, one.state) for one in ledger.unsettled(HERE)] == [("op1", "sent")]
    ledger.settle(HERE, [Settled(operation, "ok", crm_id="1")], NOON)
    assert ledger.unsettled(HERE) == []
    (row,) = ledger.records(HERE, ["cohort", "score"]).to_dict("records")
    assert (row["crm_id"], row["account_id"], row["cohort"], row["written_on"]) == ("1", "a1", "New", MORNING)
    assert pd.isna(row["score"])


def test_nothing_known_of_one_instance_says_anything_of_another(ledger):
    (operation,) = sent(ledger, fields(cohort="New"))
    ledger.settle(HERE, [Settled(operation, "ok", crm_id="1")], NOON)
    assert ledger.records("hubspot:2", ["cohort"]).empty
    assert ledger.sequence("hubspot:2") == 0
    assert ledger.sequence(HERE) == 1


def test_a_rejection_keeps_its_first_day_and_is_gone_once_the_row_is_taken(ledger):
    later = NOON + timedelta(days=1)
    no = Rejection.of(Cause.BUSINESS_RULE, "a rule says no")
    for number, moment in ((1, NOON), (2, later)):
        operation = Operation(f"op{number}", "fields", "a", "a", "1", {"x": "1"}, "idempotent", MORNING)
        sent(ledger, operation)
        ledger.settle(HERE, [Settled(operation, "failed", rejection=no)], moment)
    (row,) = ledger.quarantine(HERE).to_dict("records")
    assert (row["since"], row["last_at"], row["attempts"], row["cause"]) == (NOON, later, 2, "business_rule")
    ledger.settle(HERE, [Settled(operation, "ok", crm_id="1")], later)
    assert ledger.quarantine(HERE).empty


def test_an_arm_once_drawn_is_never_drawn_again(ledger):
    def drawn(arm):
        row = ["a", "red", arm, "big", MORNING, None, "a:red:2026-05-04"]
        names = ["account_id", "play", "arm", "stratum", "assigned_on", "held_until", "episode"]
        return pd.DataFrame([row], columns=names)

    ledger.record_assignments(drawn("hold_out"))
    ledger.record_assignments(drawn("do"))
    assert ledger.assignments()["arm"].tolist() == ["hold_out"]
    assert ledger.assignments()["assigned_on"].tolist() == [MORNING]


def test_one_apply_at_a_time_and_the_next_one_after_it(ledger):
    one, two = (ledger.lease(HERE, name, lambda: NOON) for name in ("one", "two"))
    with one, pytest.raises(Unavailable, match="another apply"), two:
        pass
    with ledger.lease(HERE, "two", lambda: NOON):
        pass


def test_a_lease_that_was_taken_over_cannot_be_renewed(ledger):
    late = NOON + leases.LASTS + timedelta(seconds=1)
    one, two = ledger.lease(HERE, "one", lambda: NOON), ledger.lease(HERE, "two", lambda: late)
    with one as mine, two, pytest.raises(Unavailable, match="took over"):
        mine.renew()


def test_the_lease_of_a_killed_process_is_free_at_once(ledger, tmp_path):
    program = (
        "import os, signal, datetime\n"
        "from usage_pipeline.ledger.store import Ledger\n"
        f"ledger = Ledger('sqlite:///{tmp_path}/ledger.sqlite')\n"
        f"ledger.lease('{HERE}', 'dead', lambda: datetime.datetime(2026, 5, 4, 12)).__enter__()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -9
    with ledger.lease(HERE, "next", lambda: NOON):
        pass

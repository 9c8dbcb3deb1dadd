"""An owner's week: what is worth most comes first, the rest comes again."""

from datetime import timedelta

from usage_pipeline_tests.plays import fleet
from usage_pipeline_tests.plays.fleet import AS_OF, Fleet, one

TWO = fleet.settings(room=2)


def red(decided) -> dict[str, str]:
    rows = decided.decisions[decided.decisions["play"] == "red_churn_risk"]
    return dict(zip(rows["account_id"], rows["decision"], strict=True))


def test_likelihood_times_revenue_decides_who_comes_first():
    accounts = Fleet().add("likely", churn="red", probability=0.9, mrr_minor=1_000)
    accounts.add("large", churn="red", probability=0.5, mrr_minor=900_000).add(
        "middle", churn="red", probability=0.6, mrr_minor=2_000
    )
    decided = accounts.decide(TWO)
    assert red(decided) == {"large": "do", "likely": "not", "middle": "do"}
    late = one(decided, "likely", "red_churn_risk")
    assert late["order"] == 3
    assert "next week again" in late["reason"]


def test_equals_come_in_the_order_of_their_ids():
    accounts = Fleet().add("c", churn="red").add("a", churn="red").add("b", churn="red")
    assert red(accounts.decide(TWO, shuffled=True)) == {"a": "do", "b": "do", "c": "not"}


def test_each_owner_has_a_week_of_their_own():
    accounts = Fleet()
    for n in range(3):
        accounts.add(f"m{n}", churn="red").add(f"t{n}", churn="red", owner="tom@example.com")
    decided = red(accounts.decide(TWO))
    assert [decided[f"{owner}{n}"] for owner in "mt" for n in range(3)] == ["do", "do", "not"] * 2


def test_tasks_opened_in_the_last_seven_days_count_and_older_ones_do_not():
    accounts = Fleet().add("new", churn="red").add("x").add("y")
    accounts.task("x", "risk_inactive", "withdrawn", opened=AS_OF - timedelta(days=6))
    accounts.task("y", "risk_inactive", "done", opened=AS_OF - timedelta(days=7), closed=AS_OF)
    assert red(accounts.decide(fleet.settings(room=1)))["new"] == "not"
    assert red(accounts.decide(TWO))["new"] == "do"


def test_an_open_task_needs_no_new_room_and_a_task_in_two_crms_is_one():
    accounts = Fleet().add("old", churn="red").add("new", churn="red")
    since = AS_OF - timedelta(days=3)
    accounts.assign("old", "red_churn_risk", "do", since)
    for crm in ("hubspot", "salesforce"):
        accounts.task("old", "red_churn_risk", "open", opened=since, crm=crm)
    assert red(accounts.decide(TWO)) == {"old": "do", "new": "do"}
    assert red(accounts.decide(fleet.settings(room=1))) == {"old": "do", "new": "not"}


def test_who_had_no_room_keeps_arm_and_first_morning_and_comes_next_week():
    accounts = Fleet().add("a", churn="red", probability=0.9).add("b", churn="red", probability=0.4)
    first = accounts.decide(fleet.settings(room=1))
    accounts.store(first)
    assert one(first, "b", "red_churn_risk")["decision"] == "not"
    accounts.task("a", "red_churn_risk", "open", opened=AS_OF)
    second = one(accounts.decide(fleet.settings(room=1), as_of=AS_OF + timedelta(days=7)), "b", "red_churn_risk")
    assert (second["decision"], second["assigned_on"], second["episode"]) == ("do", AS_OF, f"b:red_churn_risk:{AS_OF}")


def test_the_owners_of_both_crms_need_room():
    accounts = Fleet().add("both", churn="red").add("mia", churn="red", probability=0.9)
    accounts.links.append(accounts.links[0] | {"crm": "salesforce", "owner_email": "tom@example.com"})
    assert red(accounts.decide(fleet.settings(room=1))) == {"both": "not", "mia": "do"}


def test_a_task_in_two_crms_takes_room_from_both_owners():
    accounts = Fleet().add("both", churn="red", probability=0.9).add("tom", churn="red", owner="tom@example.com")
    accounts.links.append(accounts.links[0] | {"crm": "salesforce", "owner_email": "tom@example.com"})
    assert red(accounts.decide(fleet.settings(room=1))) == {"both": "do", "tom": "not"}

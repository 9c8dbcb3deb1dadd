"""Data that nobody made for us goes all the way: files on a disk, one command, fields in a CRM."""

import own_company
import pytest

# Whole runs in processes of their own; what they need is most of a minute or a few, not the usual seconds.
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A small company's three CSV files and its mapping."""
    folder = tmp_path_factory.mktemp("shop")
    own_company.write_shop(folder / "data")
    (folder / "mapping.yaml").write_text(own_company.MAPPING)
    return folder


def test_a_small_company_reaches_its_crm_says_what_it_lacks_and_sends_nothing_twice(shop):
    command = ("run", "--mapping", shop / "mapping.yaml", "--data", shop / "data")
    first = own_company.run(shop / "home", *command)
    assert first.code == 0, first.said
    assert first.summary["ok"]
    assert first.summary["accounts"] == own_company.ACCOUNTS
    events = first.summary["events"]
    assert events["received"] == events["accepted"] > 0
    with own_company.crm(shop / "home") as crm:
        hubspot = crm.hubspot("usage_scored_at", "usage_cohort", "usage_evidence", "usage_churn_risk")
        salesforce = crm.salesforce("Usage_Scored_At__c", "Usage_Cohort__c", "Usage_Evidence__c")
        assert crm.tasks() == []
    assert len(hubspot) == len(salesforce) == own_company.ACCOUNTS
    for account, fields in hubspot.items():
        assert fields["usage_scored_at"] == first.summary["as_of"]
        assert fields["usage_cohort"]
        assert fields["usage_churn_risk"] in {None, ""}, "four months are too few to learn from"
        assert list(salesforce[account].values()) == [
            fields["usage_scored_at"], fields["usage_cohort"], fields["usage_evidence"],
        ]  # fmt: skip
    assert "churn_90d has no model" in first.said

    second = own_company.run(shop / "home", *command)
    assert second.code == 0, second.said
    assert "Nothing had to be sent" in second.said
    assert all(one["fields_written"] == 0 for one in second.summary["delivery"].values())


def test_a_home_that_holds_another_company_is_refused_and_the_way_out_named(shop, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(own_company.MAPPING.replace("small_shop", "corner_shop"))
    home = tmp_path / "home"
    # Claimed by another company, which need not run for that.
    home.mkdir()
    (home / "home.json").write_text('{"company": "small_shop", "landing": "elsewhere", "origin": "elsewhere"}')
    ran = own_company.run(home, "run", "--mapping", other, "--data", shop / "data")
    assert ran.code == 1
    assert "USAGE_HOME=" in ran.said
    assert "small_shop" in ran.said
    assert "Traceback" not in ran.said


@pytest.mark.parametrize(
    ("column", "file", "asked"),
    [("ts", "usage.csv", "ts"), ("account_id", "customers.csv", "account_id")],
)
def test_a_missing_column_is_told_by_file_column_and_fix(shop, tmp_path, column, file, asked):
    mapping = tmp_path / "mapping.yaml"
    without = {
        "usage.csv": own_company.MAPPING.replace("event_id, ts, account_id", "event_id, account_id"),
        "customers.csv": own_company.MAPPING.replace("SELECT account_id, name, created_at", "SELECT name, created_at"),
    }
    mapping.write_text(without[file])
    ran = own_company.run(tmp_path / "home", "run", "--mapping", mapping, "--data", shop / "data")
    assert ran.code == 1
    assert file in ran.said
    assert asked in ran.said
    assert "Fix:" in ran.said
    assert "Traceback" not in ran.said


@pytest.mark.slow
def test_real_organisations_go_all_the_way_to_fields_and_tasks(tmp_path):
    command = (
        "run",
        "--mapping",
        own_company.ROOT / "examples/oss_orgs.yaml",
        "--data",
        own_company.shared("oss_orgs"),
    )
    # By default an owner gets five tasks of the first delivery, and the rest with the second.
    first = own_company.run(tmp_path / "home", *command, first_tasks_per_owner=50)
    assert first.code == 0, first.said
    summary = first.summary
    assert summary["ok"]
    assert summary["events"] == {"received": 218_981, "accepted": 218_981, "duplicates": 0, "rejected": 0}
    churn = summary["outcomes"]["churn_12w"]
    assert churn["skill"]
    # Above .9 the features would know what came after the morning.
    assert 0.65 < churn["auc"] < 0.90
    assert churn["average_precision"] > churn["rule_average_precision"]
    with own_company.crm(tmp_path / "home") as crm:
        scored = crm.hubspot("usage_scored_at", "usage_churn_risk", "usage_churn_reasons")
        accounts = crm.salesforce("Usage_Scored_At__c", "Usage_Churn_Risk__c")
        tasks = crm.tasks()
    assert len(scored) == len(accounts) == 2187
    # Who was not used for a year is no customer any more, and is left alone.
    assert [fields["usage_scored_at"] for fields in scored.values()].count(summary["as_of"]) == summary["accounts"]
    numbers = [fields for fields in scored.values() if fields["usage_churn_risk"]]
    assert 0 < len(numbers) <= churn["scored"]
    assert any(fields["usage_churn_reasons"] for fields in numbers)
    opened = sum(one["tasks_opened"] for one in summary["delivery"].values())
    assert len(tasks) == opened > 0
    assert {task["crm"] for task in tasks} == {"hubspot", "salesforce"}
    for task in tasks:
        assert task["subject"]
        assert task["due"]
        assert task["owner_email"]
        assert task["account_key"] in scored

    second = own_company.run(tmp_path / "home", *command)
    assert second.code == 0, second.said
    assert "Nothing had to be sent" in second.said
    assert second.summary["seconds"] < summary["seconds"] / 2


@pytest.mark.slow
def test_an_export_without_signal_reaches_its_fields_and_says_by_itself_why_no_play_acts(tmp_path):
    command = (
        "run", "--mapping", own_company.ROOT / "examples/ravenstack.yaml", "--data", own_company.shared("ravenstack"),
    )  # fmt: skip
    first = own_company.run(tmp_path / "home", *command)
    assert first.code == 0, first.said
    summary = first.summary
    assert summary["ok"]
    assert summary["accounts"] == 500
    assert not any(one["skill"] for one in summary["outcomes"].values())
    assert "52.8% of the usage is dated before its account's sign-up" in first.said
    assert "churn_90d shows no skill" in first.said
    assert summary["plays"]["do"] == summary["plays"]["hold_out"] == 0
    decisions = first.lake("plays/decision")
    assert {row["account_id"] for row in decisions} >= set(first.names("sources/account"))
    for row in decisions:
        assert row["decision"] == "not"
        assert "52.8% of the usage" in row["reason"]
        assert "no skill" in row["reason"]
    with own_company.crm(tmp_path / "home") as crm:
        fields = crm.hubspot("usage_cohort", "usage_evidence", "usage_scored_at", "usage_churn_risk")
        accounts = crm.salesforce("Usage_Cohort__c", "Usage_Evidence__c", "Usage_Scored_At__c")
        assert crm.tasks() == []
    assert len(fields) == len(accounts) == 500
    for of_account in fields.values():
        assert of_account["usage_cohort"]
        assert of_account["usage_evidence"]
        assert of_account["usage_scored_at"] == summary["as_of"]
        assert of_account["usage_churn_risk"] in {None, ""}

    second = own_company.run(tmp_path / "home", *command)
    assert second.code == 0, second.said
    assert "Nothing had to be sent" in second.said

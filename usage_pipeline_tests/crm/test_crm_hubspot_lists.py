"""A cohort as a static list: made once, changed by what differs, one result per company."""

import pytest
import requests
from crm_sandbox import running
from hubspot_played import portal

from usage_pipeline.crm.rejections import OutcomeUnknown, Refused
from usage_pipeline.errors import Rejected, Unavailable

VERSIONS = ["2026-03", "2026-09", "v3"]
MISSING = 404, {"category": "OBJECT_NOT_FOUND"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def ids(sandbox):
    return [one["hubspot"] for one in sandbox.stock(*((name, name, None) for name in ("a", "b", "c")))]


def outcomes(results):
    return {result.key: result.outcome for result in results}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_is_made_once_whatever_its_name(sandbox, ids, version):
    lists = sandbox.client("hubspot", version=version, has_lists=True).lists
    first = lists.ensure_list("Cohort: Stuck / Activated")
    assert lists.ensure_list("Cohort: Stuck / Activated") == first
    assert lists.ensure_list("Cohort: New") != first


@pytest.mark.parametrize("version", VERSIONS)
def test_members_come_and_go_and_asking_again_changes_nothing(sandbox, ids, version):
    lists = sandbox.client("hubspot", version=version, has_lists=True).lists
    cohort = lists.ensure_list("Cohort")
    assert outcomes(lists.change_members(cohort, ids[:2], [])) == dict.fromkeys(ids[:2], "ok")
    for _ in range(2):
        assert outcomes(lists.change_members(cohort, [ids[2]], [ids[0]])) == {ids[2]: "ok", ids[0]: "ok"}
        assert lists.members(cohort) == set(ids[1:])


def test_a_company_that_is_gone_does_not_lose_the_others(sandbox, ids):
    lists = sandbox.client("hubspot", has_lists=True).lists
    cohort = lists.ensure_list("Cohort")
    lists.change_members(cohort, [ids[1]], [])
    sandbox.delete(f"companies/hubspot/{ids[0]}")
    sandbox.delete(f"companies/hubspot/{ids[1]}")
    results = lists.change_members(cohort, [ids[0], ids[2]], [ids[1]])
    assert outcomes(results) == {ids[0]: "failed", ids[2]: "ok", ids[1]: "ok"}
    assert results[0].rejection.cause == "identity"


def test_more_members_than_a_page_are_all_read(sandbox, ids):
    many = [one["hubspot"] for one in sandbox.add(*((f"C{n}", None, None) for n in range(520)))]
    lists = sandbox.client("hubspot", has_lists=True).lists
    cohort = lists.ensure_list("Cohort")
    lists.change_members(cohort, many, [])
    assert lists.members(cohort) == set(many)


def test_without_the_scope_every_row_says_so(sandbox, ids):
    lists = sandbox.client("hubspot", has_lists=True).lists
    cohort = lists.ensure_list("Cohort")
    sandbox.post("settings", hubspot_missing_scopes=["crm.lists.write"])
    (result,) = lists.change_members(cohort, ids[:1], [])
    sandbox.post("settings", hubspot_missing_scopes=[])
    assert result.rejection.cause == "permission"
    assert "crm.lists.write" in result.rejection.detail


def test_a_list_whose_creation_lost_its_answer_is_not_made_twice(sandbox, ids):
    lists = sandbox.client("hubspot", has_lists=True).lists
    sandbox.post("faults", crm="hubspot", match="POST /crm/lists", kind="drop_after_commit")
    cohort = lists.ensure_list("Cohort")
    created = [entry for entry in sandbox.get("log", crm="hubspot") if entry["method"] == "POST"]
    assert len([entry for entry in created if "/crm/lists" in entry["path"]]) == 1
    assert lists.ensure_list("Cohort") == cohort


def test_a_list_that_was_not_made_is_not_taken_for_made():
    crm, _, _ = portal(MISSING, requests.ReadTimeout("slow"), MISSING, has_lists=True)
    with pytest.raises(OutcomeUnknown):
        crm.lists.ensure_list("Cohort")
    crm, _, _ = portal(MISSING, (200, {}), has_lists=True)
    with pytest.raises(Unavailable, match="no list"):
        crm.lists.ensure_list("Cohort")
    crm, _, _ = portal(MISSING, (403, {"category": "MISSING_SCOPES", "message": "no"}), MISSING, has_lists=True)
    with pytest.raises(Refused, match="no"):
        crm.lists.ensure_list("Cohort")


def test_somebody_elses_filtered_list_of_our_name_is_left_alone():
    crm, _, _ = portal((200, {"list": {"listId": "4", "processingType": "DYNAMIC"}}), has_lists=True)
    with pytest.raises(Rejected, match="DYNAMIC"):
        crm.lists.ensure_list("Cohort")


def test_an_answer_without_a_word_of_a_company_is_not_believed():
    page = 200, {"results": [{"recordId": "1"}]}
    crm, _, _ = portal((200, {"recordIdsMissing": []}), page, has_lists=True)
    results = crm.lists.change_members("4", ["1", "2"], [])
    assert outcomes(results) == {"1": "ok", "2": "failed"}
    assert results[1].rejection.cause == "transient"


def test_both_spellings_of_those_that_were_added_are_understood():
    for name in ("recordsIdsAdded", "recordIdsAdded"):
        crm, adapter, _ = portal((200, {name: ["1"]}), has_lists=True)
        assert outcomes(crm.lists.change_members("4", ["1"], ["1"])) == {"1": "ok"}
        assert adapter.asked[0][2] == {"recordIdsToAdd": ["1"], "recordIdsToRemove": []}

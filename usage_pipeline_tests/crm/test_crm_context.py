"""What the CRMs know of a customer: deals, owners, terms; read by our clients, stocked by clients nobody here wrote."""

from datetime import UTC, date, datetime, timedelta

import hubspot as hubspots_own
import hubspot_played
import pytest
import requests
import simple_salesforce
from crm_sandbox import OWNER, running

from usage_pipeline.crm import hubspot_context
from usage_pipeline.errors import Rejected

TOKEN = {"authorization": "Bearer sandbox-token"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("context") / "sandbox.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def ids(sandbox):
    (ids,) = sandbox.stock(("Acme", "a1", "acme.example"))
    # Also what another test searched within the same second counts.
    sandbox.post("settings", hubspot_search_per_second=1_000)
    return ids


@pytest.fixture
def portal(sandbox):
    """The vendor's SDK, which calls the v3 paths."""
    return hubspots_own.HubSpot(access_token="sandbox-token", host=sandbox.url).crm


@pytest.fixture
def org(sandbox):
    asked = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    session = requests.post(f"{sandbox.url}/services/oauth2/token", data=asked, timeout=10).json()["access_token"]
    client = simple_salesforce.Salesforce(instance="sandbox.example", session_id=session, version="68.0")
    client.base_url = f"{sandbox.url}/services/data/v68.0/"
    client.sf_instance = sandbox.url.partition("://")[2]
    return client


def a_deal(portal, company, **said):
    properties = {"dealname": "Renewal", "dealstage": "contractsent", "pipeline": "default", "amount": "1200.50"} | said
    joined = [{"to": {"id": company}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]}]
    given = {"properties": properties, "associations": joined}
    return portal.deals.basic_api.create(simple_public_object_input_for_create=given).id


def an_opportunity(sandbox, account, **said):
    fields = {"Name": "Renewal", "StageName": "Negotiation/Review", "CloseDate": "2026-12-31", "Amount": 1200.5}
    return create(sandbox, "Opportunity", {"AccountId": account} | fields | said)


def create(sandbox, kind, fields):
    asked = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    session = requests.post(f"{sandbox.url}/services/oauth2/token", data=asked, timeout=10).json()["access_token"]
    made = requests.post(
        f"{sandbox.url}/services/data/v68.0/sobjects/{kind}",
        json=fields,
        headers={"authorization": f"Bearer {session}"},
        timeout=10,
    )
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_a_deal_is_read_with_its_stage_in_words_its_amount_and_its_primary_company(sandbox, ids, portal):
    deal = a_deal(portal, ids["hubspot"], deal_currency_code="EUR", closedate="2026-12-31T00:00:00Z")
    (read,) = sandbox.client("hubspot").context.deals(None).changed
    assert (read.id, read.crm_id, read.stage, read.pipeline) == (
        deal,
        ids["hubspot"],
        "Contract Sent",
        "Sales Pipeline",
    )
    assert (read.amount, read.currency, read.closes_on) == ("1200.50", "EUR", date(2026, 12, 31))
    assert (read.is_closed, read.is_won) == (False, False)


def test_a_deal_of_two_companies_of_which_none_is_the_primary_one_is_of_none(sandbox, portal):
    first, second = sandbox.stock(("Acme", "a1", None), ("Beta", "b1", None))
    made = portal.deals.basic_api.create(
        simple_public_object_input_for_create={"properties": {"dealname": "Both"}, "associations": []}
    )
    for company in (first, second):
        portal.associations.v4.basic_api.create_default("deals", made.id, "companies", company["hubspot"])
    (read,) = sandbox.client("hubspot").context.deals(None).changed
    assert read.crm_id is None


def test_only_what_changed_is_asked_for_and_every_page_of_it(sandbox, ids, portal):
    inputs = [{"properties": {"dealname": f"d{n}", "dealstage": "contractsent"}} for n in range(250)]
    for some in (inputs[:100], inputs[100:200], inputs[200:]):
        portal.deals.batch_api.create(batch_input_simple_public_object_batch_input_for_create={"inputs": some})
    client = sandbox.client("hubspot")
    everything = client.context.deals(None).changed
    assert len(everything) == 250
    since = max(deal.modified_at for deal in everything) + timedelta(milliseconds=1)
    changed = everything[7].id
    portal.deals.basic_api.update(
        deal_id=changed, simple_public_object_input={"properties": {"dealstage": "closedwon"}}
    )
    archived = everything[8].id
    portal.deals.basic_api.archive(deal_id=archived)
    again = client.context.deals(since, [everything[9].id])
    assert [(deal.id, deal.stage, deal.is_won) for deal in again.changed] == [(changed, "Closed Won", True)]
    assert again.gone == {archived}
    assert again.companies == {everything[9].id: None}


def many_deals(portal, count):
    inputs = [{"properties": {"dealname": f"d{n}", "dealstage": "contractsent"}} for n in range(count)]
    made = portal.deals.batch_api.create(batch_input_simple_public_object_batch_input_for_create={"inputs": inputs})
    return sorted((deal.id for deal in made.results), key=int)


def change(portal, *deals):
    inputs = [{"id": deal, "properties": {"dealstage": "closedwon"}} for deal in deals]
    portal.deals.batch_api.update(batch_input_simple_public_object_batch_input={"inputs": inputs})


@pytest.fixture
def edited_meanwhile(sandbox, ids, portal, monkeypatch):
    """A client that reads three hits at a time, and somebody who changes deals when it has read the first three."""
    monkeypatch.setattr(hubspot_context, "PER_PAGE", 3)
    context = sandbox.client("hubspot").context

    def of(*deals):
        post, left = context._portal.post, [deals]

        def meddling(path, kind, body):
            answer = post(path, kind, body)
            if path.endswith("/search") and left:
                change(portal, *left.pop())
            return answer

        monkeypatch.setattr(context._portal, "post", meddling)
        return context

    return of


@pytest.fixture
def ticking(sandbox):
    """Now, from which on each request comes a millisecond after the one before."""
    now = datetime.now(UTC).replace(tzinfo=None)
    turn = f"{sandbox.url}/_sandbox/clock"
    requests.post(turn, json={"now": f"{now.isoformat()}Z"}, timeout=10).raise_for_status()
    yield now
    requests.post(turn, json={"now": None}, timeout=10).raise_for_status()


def test_a_deal_changed_while_the_changes_are_read_hides_no_other(edited_meanwhile, portal, ticking):
    made = many_deals(portal, 9)
    since = ticking + timedelta(milliseconds=2)
    for deal in made:
        change(portal, deal)
    read = edited_meanwhile(*made[:2]).deals(since).changed
    assert sorted((deal.id for deal in read), key=int) == made


def test_of_many_deals_changed_at_one_moment_none_is_lost(edited_meanwhile, portal):
    made = many_deals(portal, 11)
    context = edited_meanwhile(*made[:2], made[7])
    moments = {deal.modified_at for deal in context.deals(None).changed}
    assert len(moments) == 1
    read = context.deals(min(moments)).changed
    assert sorted((deal.id for deal in read), key=int) == made
    assert {deal.id for deal in read if deal.is_won} == {*made[:2], made[7]}


def test_an_open_deal_that_was_merged_into_another_or_purged_is_gone():
    nothing = (200, {"results": []})
    heir = {"id": "7", "properties": {"hs_merged_object_ids": "8"}}
    not_there = {"category": "OBJECT_NOT_FOUND", "context": {"ids": ["9"]}, "message": "none"}
    joined = [{"from": {"id": deal}, "to": []} for deal in ("7", "8", "9")]
    client, _, _ = hubspot_played.portal(
        nothing,
        (200, {"companyCurrency": "EUR"}),
        nothing,
        (200, hubspot_played.OK | {"results": joined}),
        (207, hubspot_played.OK | {"results": [heir], "errors": [not_there], "numErrors": 1}),
        nothing,
    )
    read = client.context.deals(datetime(2026, 5, 1), ["7", "8", "9"])
    assert read.gone == {"8", "9"}


def test_a_missing_scope_says_what_to_grant(sandbox, ids):
    sandbox.post("settings", hubspot_missing_scopes=["crm.objects.deals.read"])
    with pytest.raises(Rejected, match=r"crm\.objects\.deals\.read") as refused:
        sandbox.client("hubspot").context.deals(None)
    assert "deals: false" in refused.value.fix


def test_an_opportunity_is_read_as_a_deal_and_only_once_when_it_changes(sandbox, ids, org):
    made = an_opportunity(sandbox, ids["salesforce"])
    client = sandbox.client("salesforce")
    (read,) = client.context.deals(None).changed
    assert (read.id, read.crm_id, read.stage) == (made, ids["salesforce"], "Negotiation/Review")
    assert (read.amount, read.closes_on, read.is_closed) == ("1200.5", date(2026, 12, 31), False)
    since = read.modified_at + timedelta(milliseconds=1)
    assert client.context.deals(since).changed == ()
    opportunities = org.Opportunity
    # It insists on https for all but queries.
    opportunities.base_url = f"{sandbox.url}/services/data/v68.0/sobjects/Opportunity/"
    opportunities.update(made, {"StageName": "Closed Won"})
    (changed,) = client.context.deals(since).changed
    assert (changed.is_closed, changed.is_won) == (True, True)
    opportunities.delete(made)
    assert client.context.deals(since).gone == {made}


def test_a_contract_gives_the_terms_that_the_mapping_names(sandbox, ids):
    made = create(sandbox, "Contract", {"AccountId": ids["salesforce"], "StartDate": "2026-01-31", "ContractTerm": 12})
    terms = {"starts_on": "StartDate", "renews_on": "EndDate", "term_months": "ContractTerm", "status": "Status"}
    (read,) = sandbox.client("salesforce").context.contracts(terms, None).changed
    assert (read.id, read.crm_id) == (made, ids["salesforce"])
    assert read.values == {
        "starts_on": "2026-01-31", "renews_on": "2027-01-30", "term_months": "12", "status": "Draft",
    }  # fmt: skip


def test_a_field_that_nobody_may_see_is_named_before_anything_is_asked(sandbox, ids):
    with pytest.raises(Rejected, match="Seats__c"):
        sandbox.client("salesforce").context.contracts({"seats": "Seats__c"}, None)


def test_terms_on_a_company_are_read_where_the_mapping_says(sandbox, ids):
    requests.patch(
        f"{sandbox.url}/crm/objects/2026-03/companies/{ids['hubspot']}",
        json={"properties": {"annualrevenue": "24000", "numberofemployees": "40"}},
        headers=TOKEN,
        timeout=10,
    ).raise_for_status()
    terms = {"arr": "annualrevenue", "seats": "numberofemployees"}
    (read,) = sandbox.client("hubspot").context.contracts(terms, None).changed
    assert (read.crm_id, read.currency, read.values) == (ids["hubspot"], "USD", {"arr": "24000", "seats": "40"})


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_an_owner_who_left_is_still_an_owner_of_what_was_theirs(sandbox, ids, crm):
    assert requests.patch(f"{sandbox.url}/_sandbox/owners/{OWNER['email']}", json={"active": False}, timeout=10).ok
    found = {owner.email: owner.is_active for owner in sandbox.client(crm).context.owners()}
    assert found[OWNER["email"]] is False


def test_the_vendors_own_client_reads_the_pipeline_and_searches_deals(sandbox, ids, portal):
    a_deal(portal, ids["hubspot"])
    (pipeline,) = portal.pipelines.pipelines_api.get_all("deals").results
    won = {stage.id: stage.metadata for stage in pipeline.stages}["closedwon"]
    assert (won["isClosed"], won["probability"]) == ("true", "1.0")
    filters = [{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1600000000000"}]
    found = portal.deals.search_api.do_search(
        public_object_search_request={"filterGroups": [{"filters": filters}], "properties": ["dealname"]}
    )
    assert [deal.properties["dealname"] for deal in found.results] == ["Renewal"]


def test_a_client_nobody_here_wrote_queries_opportunities_and_contracts(sandbox, ids, org):
    an_opportunity(sandbox, ids["salesforce"], StageName="Closed Lost")
    (found,) = org.query("SELECT Name, IsClosed, IsWon, Account.Name FROM Opportunity WHERE IsClosed = true")["records"]
    assert (found["Name"], found["IsWon"], found["Account"]["Name"]) == ("Renewal", False, "Acme")
    assert datetime.fromisoformat(org.query("SELECT SystemModstamp FROM Opportunity")["records"][0]["SystemModstamp"])

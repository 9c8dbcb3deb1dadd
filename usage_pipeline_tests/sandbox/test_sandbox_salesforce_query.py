import pytest
from sandbox_builders import account, error, field, query


@pytest.fixture
def fleet(salesforce):
    field(salesforce, "Account.Risk__c", "Number")
    field(salesforce, "Account.Hot__c", "Checkbox", defaultValue=False)
    for name, risk, hot in (("Ann", 10, True), ("bob", 20, False), ("Cy's", None, False)):
        account(salesforce, Name=name, Risk__c=risk, Hot__c=hot)
    return salesforce


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Name = 'ANN'", {"Ann"}),
        ("Name LIKE 'B%'", {"bob"}),
        ("Name LIKE '_nn'", {"Ann"}),
        (r"Name = 'Cy\'s'", {"Cy's"}),
        ("Risk__c > 10", {"bob"}),
        ("Risk__c >= 10 AND Risk__c <= 10.0", {"Ann"}),
        ("Risk__c < 15 OR Name = 'bob'", {"Ann", "bob"}),
        ("Risk__c = null", {"Cy's"}),
        ("Risk__c != null", {"Ann", "bob"}),
        ("Risk__c != 10", {"bob", "Cy's"}),
        ("NOT (Risk__c = 10 OR Risk__c = 20)", {"Cy's"}),
        ("Name IN ('ann', 'bob')", {"Ann", "bob"}),
        ("Name NOT IN ('ann')", {"bob", "Cy's"}),
        ("Hot__c = TRUE", {"Ann"}),
        ("Owner.Email = 'integration@sandbox.example' AND (Name = 'Ann' OR Name = 'bob')", {"Ann", "bob"}),
        ("CreatedDate = TODAY", {"Ann", "bob", "Cy's"}),
        ("CreatedDate < 2020-01-01T00:00:00Z", set()),
    ],
)
def test_conditions_mean_what_soql_means(fleet, where, names):
    assert {each["Name"] for each in query(fleet, f"SELECT Name FROM Account WHERE {where}")} == names


def test_order_limit_and_offset(fleet):
    assert [each["Name"] for each in query(fleet, "SELECT Name FROM Account ORDER BY Name DESC LIMIT 2")] == [
        "Cy's",
        "bob",
    ]
    assert [each["Name"] for each in query(fleet, "SELECT Name FROM Account ORDER BY Risk__c")] == [
        "Cy's",
        "Ann",
        "bob",
    ]
    last = query(fleet, "SELECT Name FROM Account ORDER BY Risk__c NULLS LAST OFFSET 2")
    assert [each["Name"] for each in last] == ["Cy's"]


def test_count_has_a_size_and_no_rows(fleet):
    reply = fleet.get("/query", params={"q": "SELECT COUNT() FROM Account WHERE Risk__c != null"}).json()
    assert reply == {"totalSize": 2, "done": True, "records": []}


def test_a_parents_field_is_nested_with_its_own_attributes(fleet):
    (row,) = query(fleet, "SELECT Id, Owner.Email FROM Account WHERE Name = 'Ann'")
    assert row["attributes"]["type"] == "Account"
    assert row["Owner"]["attributes"]["type"] == "User"
    assert row["Owner"]["Email"] == "integration@sandbox.example"


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name ~ 'a'", "MALFORMED_QUERY"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nope__c FROM Account", "INVALID_FIELD"),
        ("SELECT Nobody.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Risk__c = '1'", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE Description = 'long'", "INVALID_FIELD"),
    ],
)
def test_a_query_that_cannot_be_is_refused_by_code(fleet, soql, code):
    reply = fleet.get("/query", params={"q": soql})
    assert (reply.status_code, error(reply)[0]) == (400, code)


def test_beyond_two_thousand_rows_a_query_goes_on_at_its_next_address(salesforce):
    salesforce.post(
        "http://sandbox/_sandbox/stock",
        json={"companies": [{"name": f"c{at}", "only": "salesforce"} for at in range(2_001)]},
    )
    first = salesforce.get("/query", params={"q": "SELECT Name FROM Account"}).json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (2_001, False, 2_000)
    assert first["nextRecordsUrl"].startswith("/services/data/v68.0/query/01g")
    second = salesforce.get(f"http://sandbox{first['nextRecordsUrl']}").json()
    assert (second["done"], len(second["records"])) == (True, 1)
    assert len({each["Name"] for each in first["records"] + second["records"]}) == 2_001


def test_what_changed_since_is_found_by_its_stamp_and_the_deleted_only_by_query_all(salesforce):
    salesforce.post("http://sandbox/_sandbox/clock", json={"now": "2026-05-04T08:00:00Z"})
    first, second = account(salesforce, Name="A"), account(salesforce, Name="B")
    salesforce.post("http://sandbox/_sandbox/clock", json={"now": "2026-05-05T08:00:00Z"})
    salesforce.patch(f"/sobjects/Account/{first}", json={"Phone": "1"})
    salesforce.delete(f"/sobjects/Account/{second}")
    since = "SELECT Id, IsDeleted, SystemModstamp FROM Account WHERE SystemModstamp >= 2026-05-05T00:00:00Z"
    (changed,) = query(salesforce, since)
    assert changed["Id"] == first
    assert changed["SystemModstamp"].startswith("2026-05-05T08:00:00.")
    assert changed["SystemModstamp"].endswith("+0000")
    everything = salesforce.get("/queryAll", params={"q": since}).json()["records"]
    assert {each["Id"] for each in everything if each["IsDeleted"]} == {second}

"""One landed file without a person: whatever is in it, forgetting goes through."""

import json
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usage_pipeline.company import Company, Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events.persons import Person
from usage_pipeline.run import erasing_files, erasing_lines, erasing_traces
from usage_pipeline.run.erasing_whose import Whose
from usage_pipeline.sources import catalogue, landing
from usage_pipeline.sources.landing import File

EXPORTS = Company(
    company="acme",
    events=(Events(format="segment", files="events*"),),
    tables={
        "account": "SELECT account_id, name FROM accounts",
        "survey": {"format": "nps"},
        "ticket": {"format": "zendesk", "found_in": "accounts.name"},
        "subscription": {"format": "stripe"},
    },
)
ANN = Person(frozenset({"person-ann"}), frozenset({"ann@acme.example"}))


def without_ann(path, content):
    """Rows that are Ann's, mentions of her, and what is left of the file."""
    path.write_bytes(content)
    file = File(path, path.name, len(content), "digest", datetime(2026, 5, 1))
    whose = Whose(ANN, frozenset(), frozenset({"email"}))
    assert erasing_lines.is_hit(file, whose)
    lines, mentions, new = erasing_lines.rewritten(file, whose, None)
    return lines, mentions, new()


def test_a_value_of_a_megabyte_does_not_stop_forgetting(tmp_path):
    long = "x" * 1_000_000
    rows = f'id,email,text\n1,ann@acme.example,"{long}"\n2,bob@acme.example,"{long}"\n'
    assert without_ann(tmp_path / "notes.csv", rows.encode()) == (
        1,
        0,
        f'id,email,text\n2,bob@acme.example,"{long}"\n'.encode(),
    )


def test_rows_of_a_list_stay_as_they_were_written(tmp_path):
    rows = (
        b'[\n  {"email": "ann@acme.example"},\n {"email":"bob@acme.example", "price": 1.10, "said": "\\ud83d \xff"}]\n'
    )
    lines, mentions, left = without_ann(tmp_path / "notes.json", rows)
    assert (lines, mentions) == (1, 0)
    assert left == b'[{"email":"bob@acme.example", "price": 1.10, "said": "\\ud83d \xff"}]\n'


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        (b'[{"email": "ann@acme.example"},', b"[,"),
        (b'[{"email": "bob@acme.example"}, {"email": "ann@acme.example"', b'[{"email": "bob@acme.example"}, {"email": "(forgotten)"'),
        (b'["ann@acme.example", 17]', b'["(forgotten)",17]'),
        (b'[{"email": "bob@acme.example"}] and ann@acme.example', b'[{"email": "bob@acme.example"}] and (forgotten)'),
    ],
)  # fmt: skip
def test_a_list_that_is_no_json_to_its_end_is_text_from_there_on(tmp_path, rows, left):
    assert without_ann(tmp_path / "notes.json", rows)[2] == left


def test_a_list_of_others_that_names_the_person_is_counted_by_its_rows(tmp_path):
    rows = json.dumps([{"email": "bob@acme.example", "to": "Ann@acme.example"}, {"to": "ann@acme.example"}, {"to": ""}])
    assert without_ann(tmp_path / "notes.json", rows.encode())[:2] == (0, 2)


def test_a_parquet_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(Rejected, match=r"notes\.parquet cannot be read.*\n.*forget again"):
        without_ann(tmp_path / "notes.parquet", b"PAR1 and then nothing of ann@acme.example")


@pytest.fixture
def left(tmp_path):
    """What is left of landed files, and their counts of rows that are the person's and of others that name them."""

    def forget(person, company=EXPORTS, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        deliveries = landing.deliveries(tmp_path, now=datetime(2026, 5, 1))
        found = list(erasing_files.search(deliveries, company, person, {}, lambda _: None))
        texts = {one.file.table: content().decode() for one, content in found}
        return texts, {one.file.table: (one.lines, one.mentions) for one, _ in found}

    return forget


def test_an_answer_goes_whole_by_whatever_column_says_whose_it_is(left):
    head = "Response ID,Company,Score,Date,User ID,Person Email,Name,Comment\n"
    answers = f"{head}1,a1,3,2026-05-02,,ann@acme.example,Ann Smith,call 555-1234\n2,a1,9,2026-05-02,48213,,Ann,fine\n"
    others = "3,a1,9,2026-05-02,7,,Bo,of 48213\n"
    texts, counts = left(replace(ANN, ids=ANN.ids | {"48213"}), nps=answers + others, older_nps=answers + others)
    assert texts == {"nps": head + others, "older_nps": head + others}
    assert counts == {"nps": (2, 0), "older_nps": (2, 0)}


def test_of_a_ticket_that_the_person_opened_stays_what_happened_to_it(left):
    head = "Id,Requester,Requester id,Requester email,Subject,Organization,Status,Priority,Created at,Solved at\n"
    ticket = '1,Ann Smith,9,Ann@acme.example,"my phone, 555-9999",Acme,closed,high,2026-05-02 10:00,2026-05-03 10:00\n'
    other = "2,Bo,48213,bo@acme.example,asks ann@acme.example,Acme,open,,2026-05-02 10:00,\n"
    texts, counts = left(replace(ANN, ids=ANN.ids | {"48213"}), tickets=head + ticket + other)
    assert texts["tickets"] == (
        f"{head}1,,,,,Acme,closed,high,2026-05-02 10:00,2026-05-03 10:00\n{other.replace('ann@acme.example', '(forgotten)')}"
    )
    assert counts == {"tickets": (0, 2)}


def test_a_subscription_stays_whoever_paid_for_it(left):
    rows = "id,Customer ID,Customer Email,Customer Name,Plan,Amount,Status\ns1,c1,ann@acme.example,Ann Smith,pro,20,active\n"
    texts, _ = left(ANN, subscriptions=rows)
    assert texts["subscriptions"].splitlines()[1] == "s1,c1,,,pro,20,active"


def test_a_ticket_in_other_files_stays_too(tmp_path):
    ticket = {"Id": "1", "Requester email": "ann@acme.example", "Subject": "555-9999", "Status": "open"}
    whose = Whose(ANN, frozenset(), frozenset(), frozenset({"requester email"}), frozenset({"id", "status"}))
    pq.write_table(pa.Table.from_pylist([ticket]), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text(json.dumps(ticket) + "\n")
    for name in ("t.parquet", "t.jsonl"):
        file = File(tmp_path / name, name, 1, "digest", datetime(2026, 5, 1))
        lines, mentions, content = erasing_lines.rewritten(file, whose, None)
        (tmp_path / name).write_bytes(content())
        row = pq.read_table(file.path).to_pylist()[0] if file.suffix == ".parquet" else json.loads(content())
        assert {key: value for key, value in row.items() if value} == {"Id": "1", "Status": "open"}
        assert (lines, mentions) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "https://app.example/join?who={ann%40acme.example}",
        "https://app.example/join?next=%2Finvite%3Fwho%3D{ann%2540acme.example}",
        "mailto%3A{ANN%40acme.example}",
        r'{"from": "Ann \u003c{ann@acme.example}\u003e"}',
        r'{"text": "hello\n{ann@acme.example}\n"}',
    ],
)
def test_an_address_is_seen_however_it_is_escaped(text):
    begin, _, rest = text.rpartition("{")
    written, _, end = rest.partition("}")
    assert ANN.is_named_in(begin + written + end)
    assert ANN.scrubbed(begin + written + end) == f"{begin}(forgotten){end}"


@pytest.mark.parametrize("text", ["joann@acme.example", "dee%5Fjoann%40acme.example", "ann@acme.example2"])
def test_the_end_of_another_address_is_nobody(text):
    assert not ANN.is_named_in(text)


def test_a_name_of_an_account_and_of_a_feature_may_name_a_person(lake):
    told = {"account_id": "a1", "name": "Ann@acme.example's workspace", "valid_from": datetime(2026, 1, 1)}
    row = dict.fromkeys(catalogue.ACCOUNT.schema.names) | told | {"known_at": datetime(2026, 1, 1)}
    lake.replace(catalogue.ACCOUNT, pa.Table.from_pylist([row], schema=catalogue.ACCOUNT.schema.to_pyarrow()))
    (found,) = erasing_traces.traces(lake, [catalogue.ACCOUNT], ANN)
    assert (found.rows, found.mentions) == (0, 1)
    rows = lake.backend.to_pyarrow(lake.read(catalogue.ACCOUNT))
    assert erasing_traces.scrubbed(rows, catalogue.ACCOUNT, ANN)["name"].to_pylist() == ["(forgotten)'s workspace"]

"""Objects of a store, brought as deliveries: what is new or changed, and nothing else."""

import gzip
import json
import os

import pytest
from fetch_builders import Elsewhere

from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.sources import object_store

VARIABLES = {"STORE_KEY": "key", "STORE_SECRET": "a-secret-key"}
OPTIONS = {"key": "STORE_KEY", "secret": "STORE_SECRET", "endpoint_url": "STORE_URL"}


@pytest.fixture
def there(s3, s3_address, tmp_path):
    """A bucket with exports in it, to be fetched."""

    class There(Elsewhere):
        def put(self, key, content=b"a\n1\n"):
            s3.put_object(Bucket="acme", Key=key, Body=content)

        def names(self):
            return [file.name for each in self.numbered() for file in each.files]

    keys = {"url": "s3://acme/export/**/*.csv", "options": OPTIONS}
    return There(tmp_path, VARIABLES | {"STORE_URL": s3_address}, **keys)


@pytest.fixture
def folder(tmp_path):
    """A folder as a store."""

    class There(Elsewhere):
        def put(self, name, content="a\n1\n", changed=1_000_000_000):
            path = tmp_path / "there" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            os.utime(path, (changed, changed))

    return There(tmp_path, {}, url=f"file://{tmp_path}/there/**")


def test_a_folder_of_the_store_is_a_delivery(there):
    there.put("export/05-03/usage.csv")
    there.put("export/05-04/accounts.csv")
    there.put("export/05-04/usage.csv", b"a\n2\n")
    there.put("elsewhere/usage.csv")
    brought = there.bring()
    assert [(one.name, one.files, one.bytes) for one in brought.deliveries] == [
        ("usage/000001", 1, 4),
        ("usage/000002", 2, 8),
    ]
    assert there.files() == {
        "usage/000001/usage.csv": b"a\n1\n",
        "usage/000002/accounts.csv": b"a\n1\n",
        "usage/000002/usage.csv": b"a\n2\n",
    }
    assert there.said[-1] == ("usage", "3 of 3 objects, 0.0 MB")


def test_what_was_brought_is_not_brought_again_and_what_is_new_is(there):
    there.put("export/usage-1.csv")
    there.bring()
    assert there.bring().deliveries == ()
    there.put("export/usage-2.csv")
    assert there.bring().files == 1
    assert there.names() == ["usage/000001/usage-1.csv", "usage/000002/usage-2.csv"]


def test_a_changed_object_is_a_new_delivery(there):
    there.put("export/usage.csv", b"a\n1\n")
    there.bring()
    there.put("export/usage.csv", b"a\n2\n")
    there.bring()
    assert there.files() == {"usage/000001/usage.csv": b"a\n1\n", "usage/000002/usage.csv": b"a\n2\n"}


def test_a_store_without_etags_is_known_by_size_and_time(folder):
    folder.put("usage.csv", "a\n1\n")
    folder.bring()
    assert folder.bring().deliveries == ()
    folder.put("usage.csv", "a\n2\n", changed=1_000_000_001)
    assert folder.bring().files == 1


def test_objects_that_a_select_joins_are_brought_together_when_one_changes(there):
    there.put("export/usage.csv")
    there.put("export/accounts.csv")
    there.with_(together=True).bring()
    there.put("export/usage.csv", b"a\n2\n")
    there.bring()
    assert there.names()[2:] == ["usage/000002/accounts.csv", "usage/000002/usage.csv"]


def test_many_files_of_one_kind_can_be_one_table(there):
    there.put("export/2026-05-03.csv.gz", gzip.compress(b"a\n1\n"))
    there.put("export/2026-05-04.csv.gz", gzip.compress(b"a\n2\n"))
    there.with_(url="s3://acme/export/*.csv.gz", as_table=True).bring()
    assert [(each.name, file.table) for each in there.numbered() for file in each.files] == [
        ("usage/000001", "usage"),
        ("usage/000002", "usage"),
    ]


def test_a_large_folder_is_cut_so_that_a_killed_fetch_loses_little(there, monkeypatch):
    monkeypatch.setattr(object_store, "DELIVERY_OBJECTS", 2)
    for number in range(5):
        there.put(f"export/{number}.csv")
    assert [one.files for one in there.bring().deliveries] == [2, 2, 1]


def test_what_no_delivery_may_hold_is_left_where_it_is(folder):
    for name in ("usage.csv", "_SUCCESS", ".part.csv", "manifest.json", "README.md"):
        folder.put(name)
    folder.bring()
    assert list(folder.files()) == ["usage/000001/usage.csv"]


def test_an_object_that_is_replaced_while_it_is_read_is_read_again(folder, monkeypatch):
    folder.put("usage.csv", "a\nold\n")
    store = object_store.Store(folder.fetch, {})
    copy = store.files.get_file
    copies = []

    def replaced_meanwhile(here, there):
        copy(here, there)
        copies.append(here)
        if len(copies) == 1:
            folder.put("usage.csv", "a\nnew\n", changed=1_000_000_001)

    monkeypatch.setattr(type(store.files), "get_file", lambda _, here, there: replaced_meanwhile(here, there))
    folder.bring()
    assert (len(copies), folder.files()) == (2, {"usage/000001/usage.csv": b"a\nnew\n"})
    assert folder.bring().deliveries == ()


def test_an_object_that_changes_at_every_reading_is_left_for_later(folder, monkeypatch):
    folder.put("usage.csv")
    changes = iter(range(1_000_000_001, 1_000_000_009))
    files = type(object_store.Store(folder.fetch, {}).files)
    monkeypatch.setattr(files, "get_file", lambda *_: folder.put("usage.csv", changed=next(changes)))
    with pytest.raises(Unavailable, match="changed each time"):
        folder.bring()
    assert folder.deliveries() == []


def test_a_url_under_which_nothing_lies_is_named(there):
    with pytest.raises(Rejected, match=r"nothing lies at s3://acme/export") as refused:
        there.bring()
    assert "url" in refused.value.fix


def test_a_store_that_was_emptied_brings_nothing_and_is_no_error(there, s3):
    there.put("export/usage.csv")
    there.bring()
    s3.delete_object(Bucket="acme", Key="export/usage.csv")
    assert there.bring().deliveries == ()


def test_a_bucket_that_is_not_there_is_named(there):
    with pytest.raises(Rejected, match=r"could not list .*bucket does not exist") as refused:
        there.with_(url="s3://acme-of-nobody/**").bring()
    assert "compare bucket" in refused.value.fix


def test_without_credentials_it_says_where_they_go(there):
    with pytest.raises(Rejected, match="credentials") as refused:
        there.with_(options={"endpoint_url": "STORE_URL"}).bring()
    assert "AWS_PROFILE" in refused.value.fix


def test_a_forbidden_object_says_what_to_allow(there, s3):
    there.put("export/usage.csv")
    denied = {"Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme/*"]}
    s3.put_bucket_policy(Bucket="acme", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
    with pytest.raises(Rejected, match=r"could not read acme/export/usage\.csv") as refused:
        there.bring()
    assert "s3:GetObject" in refused.value.fix
    assert there.deliveries() == []
    s3.delete_bucket_policy(Bucket="acme")


def test_a_store_that_does_not_answer_is_to_be_tried_again(there, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    there.variables["STORE_URL"] = "http://127.0.0.1:1"
    with pytest.raises(Unavailable, match=r"could not list .*http://127\.0\.0\.1:1"):
        there.bring()


def test_an_option_that_is_not_set_is_named(there):
    del there.variables["STORE_SECRET"]
    with pytest.raises(Rejected, match="STORE_SECRET, which is not set"):
        there.bring()


def test_a_protocol_that_nothing_opens_is_named(tmp_path):
    with pytest.raises(Rejected, match="zzz") as refused:
        Elsewhere(tmp_path, {}, url="zzz://acme/**").bring()
    assert "fsspec" in refused.value.fix


def test_no_secret_is_in_an_error_and_nothing_hangs_on_it(there, monkeypatch):
    def spoken(*_, **__):
        raise OSError("the request with the key a-secret-key failed, and with a%2Dsecret%2Dkey, too")

    there.put("export/usage.csv")
    files = type(object_store.Store(there.fetch, there.variables).files)
    monkeypatch.setattr(files, "get_file", spoken)
    with pytest.raises(Unavailable) as away:
        there.bring()
    assert "a-secret-key" not in str(away.value)
    assert (away.value.__cause__, away.value.__suppress_context__) == (None, True)

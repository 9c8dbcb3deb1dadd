"""A fetch is a run like any other: it says what came, and what it brought is landed by itself."""

import sqlite3

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from usage_pipeline.definitions import defs
from usage_pipeline.defs import automation, fetching
from usage_pipeline.defs.place import Place
from usage_pipeline.home import Home
from usage_pipeline.settings import Settings

MAPPING = """
company: acme
fetch:
  - {name: segment, url: "file://THERE/**"}
  - {name: usage, database: SHOP_SQL, table: usage, cursor: id}
events: [{format: segment, files: 'events*'}]
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A store and a database with something in them, and a home whose mapping names them."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "events-1.jsonl").write_text('{"type": "track"}\n')
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE usage AS SELECT 7 AS id")
    monkeypatch.setenv("USAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHOP_SQL", f"sqlite:///{tmp_path / 'shop.sqlite'}")
    mapping = tmp_path / "acme.yaml"
    mapping.write_text(MAPPING.replace("THERE", str(there)))
    (tmp_path / "landing").mkdir()
    Home(Settings()).claim(mapping, tmp_path / "landing", "test")
    return there


@pytest.fixture
def place(elsewhere):
    return Place(duckdb=DuckDBResource(database=":memory:"))


def fetch(place):
    with dg.instance_for_test() as instance:
        done = dg.materialize([fetching.fetched], resources={"place": place}, instance=instance)
        return {
            name: value.value
            for name, value in done.asset_materializations_for_node("sources__fetched")[0].metadata.items()
        }


def look(place, cursor=None):
    with (
        dg.instance_for_test() as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor, resources={"place": place}) as context,
    ):
        return automation.new_files(context)


def test_a_fetch_says_what_came_and_how_far_it_was_read(place):
    came = fetch(place)
    assert came["in_short"] == "segment 1 files, usage 1 files (1 rows)"
    assert [(one["source"], one["rows"], one["until"]) for one in came["by_source"]] == [
        ("segment", None, ""),
        ("usage", 1, "7"),
    ]
    assert came["rows"] == 1
    assert fetch(place)["in_short"] == "nothing new"


def test_what_a_fetch_brought_is_landed_by_itself(place):
    before = look(place)
    fetch(place)
    seen = look(place)
    assert isinstance(before, dg.SkipReason)
    assert len(seen.run_requests) == 1
    fetch(place)
    assert isinstance(look(place, seen.cursor), dg.SkipReason)


def test_a_source_that_fails_does_not_keep_the_others_from_coming(place, monkeypatch):
    monkeypatch.setenv("SHOP_SQL", "sqlite:////nowhere/shop.sqlite")
    with pytest.raises(Exception, match=r"usage: there is no file /nowhere/shop\.sqlite"):
        fetch(place)
    assert len(look(place).run_requests) == 1


def test_a_variable_of_the_mapping_may_be_in_the_env_file_and_the_environment_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SHOP_SQL=from-the-file\nSHOP_KEY=of-the-file\n")
    monkeypatch.setenv("SHOP_SQL", "from-the-environment")
    held = fetching.variables()
    assert (held["SHOP_SQL"], held["SHOP_KEY"]) == ("from-the-environment", "of-the-file")


def test_nothing_is_fetched_by_itself_until_a_person_switches_it_on():
    repository = defs().get_repository_def()
    assert repository.get_schedule_def("hourly_fetch").default_status.value == "STOPPED"
    for sensor in repository.sensor_defs:
        assert "fetch" not in {target.job_name for target in sensor.targets if target.job_name}, sensor.name


def test_what_is_read_of_the_landing_folder_comes_after_the_fetch():
    graph = defs().resolve_asset_graph()
    sources = ("account", "user", "subscription", "ticket", "survey", "milestone", "label")
    for name in ("events/event", "events/batch", *(f"sources/{name}" for name in sources)):
        parents = graph.get(dg.AssetKey(name.split("/"))).parent_keys
        assert dg.AssetKey(["sources", "fetched"]) in parents, name

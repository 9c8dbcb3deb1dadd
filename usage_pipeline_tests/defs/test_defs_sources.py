"""A table read from files says how many of its rows could not be taken, and a run warns of them."""

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from usage_pipeline.defs import sources
from usage_pipeline.defs.io_manager import LakeIO
from usage_pipeline.defs.place import Place
from usage_pipeline.home import Home
from usage_pipeline.settings import Settings

MAPPING = """
company: acme
events: [{format: segment, files: 'events*'}]
tables: {account_merge: SELECT * FROM account_merges}
"""
HEAD = "account_id,into_id,merged_at\n"


@pytest.fixture
def merges_of(tmp_path, monkeypatch):
    """The materialisation and the check of a small table, read from a file of these lines."""
    monkeypatch.setenv("USAGE_HOME", str(tmp_path / "home"))
    mapping = tmp_path / "acme.yaml"
    mapping.write_text(MAPPING)
    landing = tmp_path / "landing"
    landing.mkdir()
    Home(Settings()).claim(mapping, landing, "test")

    def read(*lines):
        (landing / "account_merges.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
        place = Place(duckdb=DuckDBResource(database=":memory:"))
        asset = next(each for each in sources.from_files if each.key.path[-1] == "account_merge")
        with dg.instance_for_test() as instance:
            resources = {"place": place, "io_manager": LakeIO(place=place)}
            done = dg.materialize([asset, sources.nothing_left_out], resources=resources, instance=instance)
            (made,) = done.asset_materializations_for_node("sources__account_merge")
            (check,) = done.get_asset_check_evaluations()
            return {name: value.value for name, value in made.metadata.items()}, check

    return read


def test_rows_that_are_left_out_are_counted_in_the_run_with_the_reason(merges_of):
    made, check = merges_of("a-7,a-1,2026-05-04", ",a-1,2026-05-04")
    assert (made["dagster/row_count"], made["rows_left_out"]) == (1, 1)
    assert "no account_id" in made["because"]
    assert (check.passed, check.severity, check.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert check.description.startswith("1 rows left out: no account_id")


def test_a_table_of_which_every_row_is_taken_passes(merges_of):
    made, check = merges_of("a-7,a-1,2026-05-04")
    assert made["rows_left_out"] == 0
    assert check.passed

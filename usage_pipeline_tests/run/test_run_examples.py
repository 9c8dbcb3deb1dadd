"""The mappings in `examples/` are mappings; the runs on real data sets are stories."""

from pathlib import Path

import pytest

from usage_pipeline import company
from usage_pipeline.plays import playbook
from usage_pipeline.sources import querying

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads_and_its_sql_is_one_select_each(path):
    found = playbook.checked(company.load(path))
    assert found.company == path.stem
    assert found.primary.churn in found.outcomes
    for name, select in [*found.tables.items(), *(("events", one.select) for one in found.events if one.select)]:
        assert querying.tables_of(select, name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_it_is_run(path):
    assert f"usage-pipeline run --mapping examples/{path.name} --data " in path.read_text(encoding="utf-8")

"""The definitions load, are wired in the order of the stages, and say what everything is and whose."""

import pytest

from usage_pipeline.definitions import defs
from usage_pipeline.defs import tables

ORDER = [
    "sources", "events", "usage", "features", "labels", "segments", "models",
    "scores", "signals", "plays", "sync", "outcomes", "reports",
]  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    return defs().resolve_asset_graph()


def test_every_table_of_the_lake_is_an_asset(graph):
    keys = {node.key.to_user_string() for node in graph.asset_nodes if node.is_materializable}
    assert {table.key for table in tables.TABLES} <= keys


def test_every_asset_says_what_one_row_is_and_whose(graph):
    for node in graph.asset_nodes:
        name = node.key.to_user_string()
        assert node.description, name
        assert node.owners, name
        assert node.kinds, name
        assert node.group_name == node.key.path[0], name


def test_the_graph_looks_upstream_and_never_downstream(graph):
    for node in graph.asset_nodes:
        here = ORDER.index(node.key.path[0])
        for parent in node.parent_keys:
            assert ORDER.index(parent.path[0]) <= here, f"{node.key.to_user_string()} reads {parent.to_user_string()}"


def test_features_never_read_labels(graph):
    for node in graph.asset_nodes:
        if node.key.path[0] == "features":
            assert "labels" not in {parent.path[0] for parent in node.parent_keys}


def test_only_the_delivery_job_contains_what_writes_to_a_crm():
    definitions = defs()
    graph = definitions.resolve_asset_graph()
    writers = {node.key for node in graph.asset_nodes if node.group_name == "sync"}
    for job in ("ingest", "roll_up", "retrain", "daily", "backfill", "review"):
        assert not writers & set(definitions.resolve_job_def(job).asset_layer.executable_asset_keys), job
    assert writers <= set(definitions.resolve_job_def("deliver").asset_layer.executable_asset_keys)


def test_nothing_starts_a_delivery_by_itself_until_a_person_switches_it_on():
    definitions = defs()
    repository = definitions.get_repository_def()
    for sensor in repository.sensor_defs:
        assert "deliver" not in {target.job_name for target in sensor.targets if target.job_name}, sensor.name
    delivery = repository.get_schedule_def("nightly_delivery")
    assert delivery.default_status.value == "STOPPED"

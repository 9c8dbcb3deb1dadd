"""docs/input.md says what the code does."""

import re
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from export_samples import land_export, mapping
from landing_builders import LANDED, a_lake, deliver, events, land

from usage_pipeline import engine
from usage_pipeline.company import Company, Events
from usage_pipeline.events.reasons import WORDS
from usage_pipeline.sources import reading

PAGE = (Path(__file__).parents[2] / "docs" / "input.md").read_text(encoding="utf-8")


def block(kind, containing):
    (found,) = [text for text in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if containing in text]
    return found


def test_the_sample_calls_land_without_a_refusal(tmp_path):
    deliver(tmp_path / "in", block("json", "track").encode())
    found = land(tmp_path / "in", a_lake(tmp_path))
    assert (found.received, found.accepted) == (6, 6)


@pytest.mark.parametrize(("kind", "head"), [("amplitude", "$insert_id"), ("mixpanel", "mp-1"), ("posthog", "uuid")])
def test_the_sample_of_another_tools_export_lands_as_an_event(tmp_path, kind, head):
    sample = next(found for found in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if head in found)
    deliver(tmp_path / "in", sample.encode())
    lake = a_lake(tmp_path)
    assert land_export(tmp_path / "in", lake, mapping(kind)).accepted == 1
    (event,) = events(lake)
    assert (event["account_id"], event["user_id"], event["feature"]) == ("a-1", "u-1", "reports")
    assert event["ts"] == datetime(2026, 5, 3, 10)


def test_the_samples_of_mappings_are_mappings():
    places = re.findall(r"```yaml\nevents:\n(.*?)```", PAGE, re.DOTALL)
    formats = [item["format"] for place in places for item in yaml.safe_load(place)]
    assert [Events(**item).format for place in places for item in yaml.safe_load(place)] == formats
    assert {"segment", "amplitude", "select"} <= set(formats)


def test_the_sample_of_pre_counted_rows_lands_through_its_select(tmp_path):
    deliver(tmp_path / "in", block("csv", "account,day,feature").encode(), file="usage.csv")
    sql = block("yaml", "uses AS quantity").partition("select: |")[2]
    mapping = Company(company="acme", events=(Events(format="select", select=sql),))
    assert land(tmp_path / "in", a_lake(tmp_path), mapping).accepted == 2


def test_the_sample_tables_are_read(tmp_path):
    backend = engine.connect(memory_limit="500MB", threads=1, spill=tmp_path / "spill")
    heads = {"account": "account_id,name", "user": "user_id,account", "subscription": "mrr_minor"}
    heads |= {"ticket": "ticket_id", "survey": "response_id"}
    for name, head in heads.items():
        deliver(tmp_path / "in", block("csv", head).encode(), file=f"{name}s.csv")
    selects = {name: f"SELECT * FROM {name}s" for name in heads}
    mapping = Company(company="acme", events=(Events(format="segment"),), tables=selects)
    rows = {name: reading.table(name, tmp_path / "in", mapping, backend, now=LANDED).num_rows for name in heads}
    assert rows == {"account": 1, "user": 1, "subscription": 2, "ticket": 1, "survey": 1}


def test_every_reason_and_every_column_is_in_the_page():
    for reason, words in WORDS.items():
        assert f"| `{reason}` | {words} |" in PAGE
    for name, shape in reading.SHAPES.items():
        assert f"| {name} | {', '.join(f'`{column}`' for column in shape.required)} |" in PAGE
        for column in shape.table.columns:
            assert f"`{column.name}`" in PAGE

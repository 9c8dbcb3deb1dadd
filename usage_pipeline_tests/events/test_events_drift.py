"""A field that changes its name or its type from one version of a source to the next: no crash, no row lost."""

import json

import pytest
from export_samples import FORMATS, ONE, amplitude, land_export, mapping, mixpanel, posthog, segment, snowplow
from landing_builders import a_lake, deliver, events, rejected, text

ODD = [
    7,
    7.0,
    "7",
    True,
    None,
    "",
    "ünï 🦔",
    ["x", "y"],
    [],
    {"deep": {"er": [1]}},
    {},
    "{not json",
    '{"json": "as text"}',
    "null",
    10**30,
]


def landed(tmp_path, kind, *content, **keys):
    deliver(tmp_path / "in", text(*content), file="events.tsv" if kind == "snowplow" else "events.jsonl")
    lake = a_lake(tmp_path)
    return land_export(tmp_path / "in", lake, mapping(kind, **keys)), lake


def with_own(kind, number, own):
    """An event whose own properties are `own`, whatever that is."""
    if kind == "mixpanel":
        return mixpanel(number, **own)
    if kind == "posthog":
        return posthog(number, own)
    return {"segment": lambda: segment(number, properties=own), "amplitude": lambda: amplitude(number, event_properties=own), "snowplow": lambda: snowplow(number, own=own)}[kind]()  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_a_feature_of_any_type_is_kept_as_text(tmp_path, kind):
    content = [with_own(kind, number, {"feature": odd}) for number, odd in enumerate(ODD)]
    account, lake = landed(tmp_path, kind, *content)
    assert (account.received, account.accepted) == (len(ODD), len(ODD))
    found = [event["feature"] for event in events(lake)]
    assert found[:4] == ["7", "7.0", "7", "true"]
    assert found[4:6] == [None, None]
    assert found[6] == "ünï 🦔"
    assert json.loads(found[9]) == {"deep": {"er": [1]}}
    assert found[11] == "{not json"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_property_nobody_asked_for_is_kept_whatever_it_is(tmp_path, kind):
    content = [with_own(kind, number, {"extra": odd}) for number, odd in enumerate(ODD) if odd is not None]
    account, lake = landed(tmp_path, kind, *content)
    assert account.rejected == 0
    kept = [json.loads(event["properties"])["extra"] for event in events(lake)]
    assert kept[:-1] == [odd for odd in ODD if odd is not None][:-1]


@pytest.mark.parametrize(("kind", "name"), [("segment", "properties"), ("amplitude", "event_properties")])
def test_an_object_that_becomes_something_else_is_kept_beside_the_event(tmp_path, kind, name):
    content = [ONE[kind](number, **{name: odd}) for number, odd in enumerate(ODD[:-1])]
    account, lake = landed(tmp_path, kind, *content)
    assert account.accepted == len(content)
    for odd, event in zip(ODD, events(lake), strict=False):
        kept = None if event["properties"] is None else json.loads(event["properties"])
        # JSON written as text is opened where warehouses write it so.
        opened = kind == "amplitude" and odd == '{"json": "as text"}'
        expected = json.loads(odd) if opened else odd if odd is None or isinstance(odd, dict) else {name: odd}
        assert kept == expected, odd


@pytest.mark.parametrize("kind", FORMATS)
def test_a_renamed_field_is_found_under_each_of_its_names(tmp_path, kind):
    root = {"amplitude": "event_properties", "snowplow": "unstruct_event"}.get(kind, "properties")
    versions = [
        {"feature": "maps"},
        {"module": "maps"},
        {"feature": None, "module": "maps"},
        {"feature": "", "module": "maps"},
    ]
    content = [with_own(kind, number, {"feature": None} | own) for number, own in enumerate(versions)]
    _, lake = landed(tmp_path, kind, *content, feature=[f"{root}.feature", f"{root}.module"])
    assert [event["feature"] for event in events(lake)] == ["maps"] * 4


def test_an_id_that_becomes_a_text_stays_the_same_person(tmp_path):
    _, lake = landed(tmp_path, "segment", segment(1, userId=42), segment(2, userId="42"), segment(3, userId="042"))
    assert [event["user_id"] for event in events(lake)] == ["42", "42", "042"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_quantity_that_is_no_number_any_more_is_refused_and_its_neighbours_are_not(tmp_path, kind):
    content = [with_own(kind, number, {"count": odd}) for number, odd in enumerate(["many", {"n": 1}, -1])]
    account, lake = landed(tmp_path, kind, *content, ONE[kind](9))
    assert (account.accepted, account.rejected) == (1, 3)
    assert {row["reason"] for row in rejected(lake)} == {"bad_quantity"}

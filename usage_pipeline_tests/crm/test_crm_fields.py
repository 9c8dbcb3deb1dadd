"""The field contract: the shipped file, and one of somebody's own."""

import json
from pathlib import Path

import pytest
import yaml

from usage_pipeline.crm import contract
from usage_pipeline.crm.contract import CONTRACT, Ownership
from usage_pipeline.errors import Rejected

SHIPPED = Path(contract.__file__).with_name("fields.yaml")


def own(tmp_path, change):
    document = yaml.safe_load(SHIPPED.read_text())
    change(document)
    file = tmp_path / "fields.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def test_a_contract_of_ones_own_may_leave_fields_out_and_say_the_rest_otherwise(tmp_path):
    def change(document):
        document["fields"] = [one for one in document["fields"] if one["name"] == "usage_cohort"]
        document["fields"][0] |= {"label": "Kunde ist", "ownership": "theirs_if_edited"}

    (field,) = contract.load(own(tmp_path, change)).fields
    assert (field.label, field.ownership) == ("Kunde ist", Ownership.THEIRS_IF_EDITED)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: one.update(lable="x"), r"fields\.yaml:\d+: fields\.12\.lable"),
        (lambda one: one.update(name="usage_moon_phase"), "nothing is made for the field usage_moon_phase"),
        (lambda one: one.update(kind="long_text"), "must be a text"),
        (lambda one: one.update(name="usage_cohort"), "named twice"),
        (lambda one: one.update(dead_band=-1), "dead_band"),
    ],
)
def test_a_mistake_in_a_contract_is_named_with_its_place(tmp_path, change, why):
    with pytest.raises(Rejected, match=why):
        contract.load(own(tmp_path, lambda document: change(document["fields"][-1])))


def test_a_contract_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(Rejected, match="there is no field contract"):
        contract.load(tmp_path / "none.yaml")


def test_a_text_is_cut_to_the_length_of_its_field_and_a_number_is_spelled_one_way():
    assert len(CONTRACT.field("usage_model_version").canonical("x" * 300)) == 255
    assert CONTRACT.field("usage_churn_risk").canonical("81.30") == "81.3"


def test_any_change_of_a_field_gives_the_contract_another_fingerprint(tmp_path):
    changed = contract.load(own(tmp_path, lambda document: document["fields"][0].update(dead_band=4)))
    assert changed.fingerprint != CONTRACT.fingerprint


def test_the_schema_that_editors_use_takes_the_shipped_file():
    schema = json.loads(Path("docs/fields.schema.json").read_text())
    assert set(schema["properties"]) >= set(yaml.safe_load(SHIPPED.read_text()))

import pytest

from usage_pipeline import company
from usage_pipeline.errors import Rejected

SOUND = """
version: 1
company: acme
events:
  - format: segment
"""


def written(tmp_path, text):
    file = tmp_path / "acme.yaml"
    file.write_text(text)
    return file


def test_a_short_mapping_brings_the_usual_outcomes(tmp_path):
    loaded = company.load(written(tmp_path, SOUND))
    assert set(loaded.outcomes) == {"churn_30d", "churn_90d", "expansion_90d"}
    assert loaded.plays.enabled == ("red_churn_risk",)


def test_an_unknown_key_is_named_with_its_line(tmp_path):
    with pytest.raises(Rejected, match=r"acme\.yaml:6: plyas"):
        company.load(written(tmp_path, SOUND + "plyas: {}\n"))


def test_a_wrong_value_deep_inside_is_named_with_its_line(tmp_path):
    text = SOUND + "plays:\n  enabled: [red_churn_risk]\n  hold_out_share: 2\n"
    with pytest.raises(Rejected, match=r"acme\.yaml:8: plays\.hold_out_share"):
        company.load(written(tmp_path, text))


def test_a_file_that_is_not_there_says_which_option_names_it(tmp_path):
    with pytest.raises(Rejected, match="--mapping"):
        company.load(tmp_path / "none.yaml")


def test_the_silence_of_a_rule_adds_to_the_day_an_outcome_is_known():
    quiet = company.Outcome(kind="churn", source="silence", horizon_days=84, silence_days=182)
    assert quiet.known_after_days == 266

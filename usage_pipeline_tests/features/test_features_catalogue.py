"""The catalogue says of every feature what it means and of which thing it speaks."""

from usage_pipeline.features import catalogue, dictionary

# MET: across recency, frequency, intensity, trend, breadth, depth, seats, integrations, tickets, contract, tenure, context.
SPOKEN_OF = {
    "recency",
    "frequency",
    "intensity",
    "active users",
    "features",
    "seats",
    "integrations",
    "support tickets",
}


def test_every_feature_has_a_meaning_a_group_and_a_name_of_its_own():
    names = [feature.name for feature in catalogue.FEATURES]
    assert len(names) == len(set(names))
    for feature in catalogue.FEATURES:
        assert feature.meaning, feature.name
        assert feature.group, feature.name
        assert feature.type in {"int64", "float64", "string", "boolean"}, feature.name


def test_models_get_at_least_forty_features_from_every_side():
    assert len(catalogue.INPUTS) >= 40
    assert SPOKEN_OF | {"contract", "tenure", "industry"} <= {feature.group for feature in catalogue.INPUTS}


def test_the_dictionary_has_a_line_per_feature():
    lines = dictionary.markdown().splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == [feature.name for feature in catalogue.FEATURES]
    assert all(line.count("|") == 8 for line in lines)

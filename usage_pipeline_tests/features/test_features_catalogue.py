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


def test_every_requirement_of_a_metric_has_a_feature():
    # 20 is the choice of key metrics, 28 the nightly run; 23 looks at outcomes, which features never see.
    asked = {f"MET-{number:02}" for number in range(1, 29)} - {"MET-20", "MET-23", "MET-28"}
    assert asked <= {feature.requirement for feature in catalogue.FEATURES}


def test_the_key_metrics_are_eight_to_twelve_of_many_sides():
    key = [catalogue.BY_NAME[name] for name in dictionary.KEY]
    assert 8 <= len(key) <= 12
    assert len({feature.group for feature in key}) >= 8
    assert dictionary.key().count("\n") == len(key) + 2


def test_what_a_comparison_compares_is_a_column_too():
    compared = [feature for feature in catalogue.FEATURES if feature.against]
    assert len(compared) > 20
    assert {feature.compares for feature in compared} <= set(catalogue.BY_NAME)
    assert {feature.against for feature in compared} == {"itself", "peers"}

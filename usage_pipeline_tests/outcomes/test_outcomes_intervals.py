"""The interval of a difference, against the published values."""

import pytest

from usage_pipeline.outcomes import intervals


# Newcombe (1998), Statistics in Medicine 17:873-890, table II, examples (a) to (h), method 10.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombes_interval_gives_newcombes_numbers(first, second, low, high):
    difference, found_low, found_high = intervals.newcombe(*first, *second)
    assert difference == pytest.approx(first[0] / first[1] - second[0] / second[1])
    assert (found_low, found_high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_swapping_the_arms_turns_the_interval_round():
    difference, low, high = intervals.newcombe(5, 56, 1, 29)
    other, other_low, other_high = intervals.newcombe(1, 29, 5, 56)
    assert (other, other_low, other_high) == pytest.approx((-difference, -high, -low))


# Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3: Wilson's interval.
@pytest.mark.parametrize(
    ("happened", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_gives_the_published_numbers(happened, of, low, high):
    assert intervals.wilson(happened, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))

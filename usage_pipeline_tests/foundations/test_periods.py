import itertools
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from usage_pipeline import periods


def test_a_window_is_whole_days_that_end_the_day_before():
    assert periods.before(date(2026, 5, 8), 7) == (date(2026, 5, 1), date(2026, 5, 7))


def test_mondays_are_mondays_both_ends_included():
    assert periods.mondays(date(2026, 5, 4), date(2026, 5, 18)) == [
        date(2026, 5, 4),
        date(2026, 5, 11),
        date(2026, 5, 18),
    ]


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1))))
def test_contiguous_ranges_cover_exactly_the_wanted_days(wanted):
    ranges = list(periods.contiguous(list(wanted)))
    covered = [day for first, last in ranges for day in periods.days(first, last)]
    assert sorted(covered) == sorted(wanted)
    assert all((later[0] - earlier[1]).days > 1 for earlier, later in itertools.pairwise(ranges))

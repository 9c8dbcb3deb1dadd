from datetime import date

from usage_pipeline.defs import pending


def days(*numbers):
    return [date(2026, 1, number) for number in numbers]


def test_a_range_runs_over_days_on_which_nothing_became_known_and_over_no_day_that_is_done():
    known = days(1, 2, 5, 9, 10, 20)
    wanted = days(1, 2, 5, 10, 20)
    assert list(pending.ranges(wanted, known)) == [
        (date(2026, 1, 1), date(2026, 1, 5)),
        (date(2026, 1, 10), date(2026, 1, 20)),
    ]


def test_nothing_wanted_is_no_range():
    assert list(pending.ranges([], days(1, 2))) == []

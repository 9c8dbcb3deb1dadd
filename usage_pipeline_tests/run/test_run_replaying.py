"""Replaying from a terminal: what was mended is rolled up, also where the replay was killed in between."""

from datetime import date

import pytest
from forget_home import ANN, MAPPING, call, land, opened, write

from usage_pipeline.run import replaying

RULE = """
repair: [{name: typo, reason: missing_timestamp, replace: {'"timestmp"': '"timestamp"'}}]
"""


class Killed(BaseException):
    """Not an error that anybody catches."""


class Jobs:
    """Remembers what was asked, and dies at a job."""

    def __init__(self, dies_at=None):
        self.asked, self.dies_at = [], dies_at

    def execute(self, job, *, days=None):
        if job == self.dies_at:
            raise Killed
        self.asked.append((job, days))


@pytest.fixture
def place(tmp_path, monkeypatch):
    wrong = call(2, ANN)
    wrong["timestmp"] = wrong.pop("timestamp").replace("05-01", "05-03")
    write(tmp_path / "home", [call(1, ANN), wrong])
    place = opened(tmp_path / "home", monkeypatch)
    place.home.company_file.write_text(MAPPING + RULE)
    land(place)
    yield place
    place.ledger.close()


def test_the_days_of_what_was_mended_are_rolled_up_and_then_nothing_is_left_to_do(place):
    jobs = Jobs()
    (done,) = replaying.replayed(place, jobs, really=True)
    assert done.accepted == 1
    assert jobs.asked == [("ingest", None), ("roll_up", (date(2026, 5, 3), date(2026, 5, 3)))]
    assert replaying.replayed(place, jobs, really=True) == []
    assert len(jobs.asked) == 2


@pytest.mark.parametrize("job", ["ingest", "roll_up"])
def test_what_was_mended_before_the_replay_was_killed_is_rolled_up_by_the_next(place, job):
    with pytest.raises(Killed):
        replaying.replayed(place, Jobs(dies_at=job), really=True)
    jobs = Jobs()
    assert replaying.replayed(place, jobs, really=True) == []
    assert jobs.asked[-1] == ("roll_up", (date(2026, 5, 3), date(2026, 5, 3)))


def test_a_dry_run_starts_no_job(place):
    jobs = Jobs()
    (done,) = replaying.replayed(place, jobs, really=False)
    assert (done.accepted, jobs.asked) == (1, [])

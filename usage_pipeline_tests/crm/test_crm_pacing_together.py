"""Several calls on their way at once, under one limit: what weighs, who waits, and for how long."""

import heapq
import random
import threading
from collections import deque

import pytest
import requests

from usage_pipeline.crm.pacing import HubSpotPacer

UPDATE = "/crm/objects/2026-03/companies/batch/update"
PATIENCE_S = 10.0


def answer(remaining, limit=10, status=200, message=""):
    response = requests.Response()
    response.status_code = status
    response._content = f'{{"message": "{message}"}}'.encode()
    if status == 200:
        response.headers["X-HubSpot-RateLimit-Max"] = str(limit)
        response.headers["X-HubSpot-RateLimit-Remaining"] = str(remaining)
        response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
    return response


class Waits(Exception):
    """Raised in the place of a sleep."""


class Script:
    """A pacer whose calls leave and are answered when a test says so."""

    def __init__(self):
        self.now = 1_000.0
        self.pacer = HubSpotPacer(clock=lambda: self.now)

    def leave(self):
        """The moment at which a call leaves now; raises `Waits` with the seconds that it has to wait."""

        def sleep(seconds):
            raise Waits(seconds)

        return self.pacer.before(UPDATE, sleep)

    def seconds_to_wait(self):
        with pytest.raises(Waits) as waits:
            self.leave()
        return waits.value.args[0]

    def answered(self, left_at, remaining, **how):
        self.pacer.after(UPDATE, answer(remaining, **how), left_at)

    @property
    def others(self):
        return self.pacer._calls.others


def test_two_answers_in_the_other_order_find_nobody_else_in_the_window():
    script = Script()
    first = script.leave()
    script.now += 0.1
    second = script.leave()
    script.now += 0.1
    script.answered(second, remaining=8)
    assert script.others == 0
    script.now += 0.1
    # What left after it is no part of what the server counted for it.
    script.answered(first, remaining=9)
    assert script.others == 0


def test_what_the_window_holds_beyond_those_that_left_so_far_belongs_to_others():
    script = Script()
    first = script.leave()
    script.now += 0.1
    second = script.leave()
    script.answered(first, remaining=6)
    assert script.others == 3
    script.answered(second, remaining=5)
    assert script.others == 3


def test_a_call_weighs_from_when_it_leaves_until_a_window_after_its_answer():
    script = Script()
    script.answered(script.leave(), remaining=2, limit=3)
    script.now += 5
    slow = script.leave()
    # Two of three may be in the window, and the older one was answered at once.
    assert script.seconds_to_wait() == pytest.approx(5.1)
    script.now += 4
    script.answered(slow, remaining=1, limit=3)
    script.now += 1.2
    script.leave()
    # Nine seconds after it was answered, and not five after it left.
    assert script.seconds_to_wait() == pytest.approx(8.9)


@pytest.mark.parametrize("is_lost", [False, True])
def test_where_only_calls_on_their_way_fill_the_window_the_next_waits_for_one_of_them(is_lost):
    script = Script()
    script.answered(script.leave(), remaining=2, limit=3)
    script.now += 20
    flying = [script.leave()]
    script.now += 5
    flying.append(script.leave())
    script.now += 20
    slept, left = [], []

    def sleep(seconds):
        slept.append(seconds)
        script.now += seconds

    waiting = threading.Thread(target=lambda: left.append(script.pacer.before(UPDATE, sleep)))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    assert not slept
    script.now += 1
    if is_lost:
        script.pacer.lost(UPDATE, flying[0])
    else:
        script.answered(flying[0], remaining=2, limit=3)
    waiting.join(PATIENCE_S)
    # From its answer, or from when it was given up, it weighs a window longer.
    assert (slept, left) == ([pytest.approx(10.1)], [pytest.approx(1_056.1)])


def test_a_refusal_in_one_thread_closes_the_door_for_all():
    script = Script()
    script.answered(script.leave(), remaining=8)
    flying = [script.leave(), script.leave()]
    script.answered(flying[0], 0, status=429, message="You have reached your ten_secondly_rolling limit.")
    assert script.seconds_to_wait() == pytest.approx(10)
    script.now += 9
    script.answered(flying[1], remaining=1)
    assert script.seconds_to_wait() == pytest.approx(1)
    script.now += 1.5
    script.leave()


def test_a_limit_per_second_closes_it_for_a_second_and_that_of_the_day_not_at_all():
    script = Script()
    script.answered(script.leave(), remaining=90, limit=100)
    script.answered(script.leave(), 0, status=429, message="You have reached your daily limit.")
    script.answered(script.leave(), 0, status=429, message="You have reached your secondly limit.")
    assert script.seconds_to_wait() == pytest.approx(1)


class Crowd:
    """So many senders, each with one call on its way, answered after 0.1 to 0.4 s, in a world of its own time."""

    def __init__(self, senders, *, counts_at, seed=1, others_per_second=0.0):
        self.now = 0.0
        self.limit = 190
        self.pacer = HubSpotPacer(clock=lambda: self.now)
        self.random = random.Random(seed)
        self.senders, self.counts_at, self.others_per_second = senders, counts_at, others_per_second
        self.held = deque()
        self.taken = self.refused = 0

    def count(self):
        while self.held and self.held[0] <= self.now - 10.0:
            self.held.popleft()
        if len(self.held) >= self.limit:
            return answer(0, status=429, message="You have reached your ten_secondly_rolling limit.")
        self.held.append(self.now)
        return answer(self.limit - len(self.held), limit=self.limit)

    def run(self, until):
        """What happens next, in its order, up to a moment."""
        number = iter(range(10**9))
        coming = []

        def later(seconds, act):
            heapq.heappush(coming, (self.now + seconds, next(number), act))

        def leave():
            try:
                left_at = self.pacer.before(UPDATE, _later)
            except Waits as waits:
                later(waits.args[0] + 1e-6, leave)
                return
            way = self.random.uniform(0.1, 0.4)
            before = way * {"arrival": 0.1, "answer": 0.9, "anywhere": self.random.uniform(0.05, 0.95)}[self.counts_at]
            later(before, lambda: arrive(left_at, way - before))

        def arrive(left_at, back):
            response = self.count()
            later(back, lambda: end(left_at, response))

        def end(left_at, response):
            self.pacer.after(UPDATE, response, left_at)
            is_refused = response.status_code == 429
            self.refused += is_refused
            self.taken += not is_refused
            later(10.1 if is_refused else 0.001, leave)

        def another():
            self.count()
            later(self.random.expovariate(self.others_per_second), another)

        for _ in range(self.senders):
            leave()
        if self.others_per_second:
            another()
        while coming and coming[0][0] < until:
            self.now, _, act = heapq.heappop(coming)
            act()


def _later(seconds):
    raise Waits(seconds)


@pytest.mark.parametrize("counts_at", ["arrival", "answer", "anywhere"])
def test_eight_senders_use_nine_tenths_of_the_limit_at_slow_answers_and_are_refused_nothing(counts_at):
    crowd = Crowd(8, counts_at=counts_at)
    crowd.run(120)
    assert crowd.refused == 0
    assert crowd.taken >= 0.9 * 19 * 120


def test_one_sender_at_slow_answers_uses_a_quarter():
    crowd = Crowd(1, counts_at="arrival")
    crowd.run(120)
    assert crowd.taken <= 0.25 * 19 * 120


@pytest.mark.parametrize("counts_at", ["arrival", "answer", "anywhere"])
@pytest.mark.parametrize("seed", range(3))
def test_eight_senders_beside_a_client_that_eats_half_have_one_call_in_a_hundred_refused_at_most(counts_at, seed):
    crowd = Crowd(8, counts_at=counts_at, seed=seed, others_per_second=9.5)
    crowd.run(300)
    assert crowd.refused <= 0.01 * (crowd.taken + crowd.refused)
    assert crowd.taken >= 0.7 * 9.5 * 300

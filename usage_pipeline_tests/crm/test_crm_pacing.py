"""The limits of a portal in a world of its own time, where nobody sleeps."""

import random
from collections import deque

import pytest
import requests

from usage_pipeline.crm.pacing import HubSpotPacer

UPDATE = "/crm/objects/2026-03/companies/batch/update"
SEARCH = "/crm/objects/2026-03/companies/search"


class World:
    """A clock, a server with a rolling window, and another client beside ours."""

    def __init__(self, limit=190, latency=0.02, seed=1):
        self.now = 1_000.0
        self.limit, self.latency = limit, latency
        self.held = deque()
        self.others = deque()
        self.taken = self.refused = 0
        self.left = 650_000
        self.random = random.Random(seed)
        self.pacer = HubSpotPacer(clock=lambda: self.now)

    def sleep(self, seconds):
        self.now += seconds

    def another_calls(self, per_second, until):
        """At moments of its own choosing, and whatever the answer."""
        moment = self.now
        while moment < until:
            moment += self.random.expovariate(per_second)
            self.others.append(moment)

    def count(self, moment):
        while self.held and self.held[0] <= moment - 10.0:
            self.held.popleft()
        if len(self.held) >= self.limit:
            return False
        self.held.append(moment)
        return True

    def call(self, path=UPDATE):
        left_at = self.pacer.before(path, self.sleep)
        self.now += self.latency * self.random.uniform(0.2, 0.8)
        while self.others and self.others[0] <= self.now:
            self.count(self.others.popleft())
        admitted = self.count(self.now)
        self.now += self.latency * self.random.uniform(0.2, 0.8)
        response = requests.Response()
        response.status_code = 200 if admitted else 429
        self.left -= 1
        response.headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self.left)
        if admitted and path != SEARCH:
            response.headers["X-HubSpot-RateLimit-Max"] = str(self.limit)
            response.headers["X-HubSpot-RateLimit-Remaining"] = str(self.limit - len(self.held))
            response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
        self.pacer.after(path, response, left_at)
        self.taken += admitted
        self.refused += not admitted
        if not admitted:
            self.sleep(10.1)


@pytest.mark.parametrize("latency", [0.002, 0.02, 0.05])
@pytest.mark.parametrize("limit", [100, 190, 250])
def test_nine_tenths_of_the_limit_are_used_and_none_is_refused(limit, latency):
    world = World(limit=limit, latency=latency)
    began = world.now
    while world.now < began + 120:
        world.call()
    assert world.refused == 0
    # A client that waits for each answer cannot call more often than the network lets it.
    reachable = min(limit / 10, 1 / (1.05 * latency))
    assert world.taken >= 0.9 * 120 * reachable


def test_a_caller_that_pauses_now_and_then_is_refused_nothing_either():
    world = World(latency=0.01)
    for _ in range(40):
        for _ in range(world.random.randrange(1, 150)):
            world.call()
        world.sleep(world.random.uniform(0, 8))
    assert world.refused == 0


@pytest.mark.parametrize("seed", range(5))
def test_beside_a_client_that_eats_half_the_window_one_call_in_a_hundred_is_refused_at_most(seed):
    world = World(seed=seed)
    began = world.now
    world.another_calls(9.5, until=began + 300)
    while world.now < began + 300:
        world.call()
    assert world.refused <= 0.01 * (world.taken + world.refused)
    # And the half that is left is used.
    assert world.taken >= 0.7 * 9.5 * 300


def test_the_share_is_taken_back_when_the_other_client_has_gone():
    world = World()
    world.another_calls(9.5, until=world.now + 60)
    while world.now < 1_060:
        world.call()
    for _ in range(300):
        world.call()
    began, taken = world.now, world.taken
    while world.now < began + 60:
        world.call()
    assert world.taken - taken >= 0.9 * 19 * 60


def test_a_small_delivery_is_not_slowed_down():
    world = World()
    began = world.now
    for _ in range(60):
        world.call()
    assert world.now - began < 60 * 1.6 * world.latency


def test_searches_are_kept_to_five_a_second_whatever_else_is_asked():
    world, at = World(limit=1_000_000), []
    for _ in range(40):
        world.call(SEARCH)
        at.append(world.now)
        world.call(UPDATE)
    within = [sum(one - 1 < other <= one for other in at) for one in at]
    assert max(within) <= 5


def test_the_days_calls_that_are_left_are_those_of_the_newest_answer():
    world = World()
    assert world.pacer.calls_left is None
    world.call()
    world.call()
    assert world.pacer.calls_left == 650_000 - 2


def test_a_token_request_is_outside_the_limits():
    world = World(limit=1)
    world.call()
    before = world.now
    world.pacer.before("/oauth/2026-03/token", world.sleep)
    assert world.now == before
    world.pacer.before(UPDATE, world.sleep)
    assert world.now > before + 9

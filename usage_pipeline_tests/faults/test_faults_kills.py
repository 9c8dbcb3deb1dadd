"""Deliveries killed with SIGKILL at random moments, some twice: 100 in `make soak`, 10 else."""

import os
import random
import signal
import sys
from functools import cache

import pytest
from faults_kills import killed, moments_of
from faults_matrix import asked_on, begun, settled
from faults_proof import differences
from faults_world import WHOLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL"),
]
SEEDS = 100 if os.environ.get("SOAK") else 10
FEWER = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ledgers")


@cache
def moments(sandbox, name, folder):
    world = begun(sandbox, name, folder)
    return moments_of(lambda: world.deliver(asked_on(world.way, 1)))


def _killed(sandbox, name, folder, chosen, dice):
    """A delivery killed at each of the moments in turn, and how each process ended."""
    world = begun(sandbox, name, folder)
    asked = asked_on(world.way, 1)
    ends = [killed(lambda: world.deliver(asked), one, within_s=dice.uniform(0, 0.005)) for one in chosen]
    return world, asked, ends


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_delivery_killed_at_any_moment_loses_nothing_and_does_nothing_twice(sandbox, folder, seed):
    dice = random.Random(seed)
    name = list(WHOLE)[seed % len(WHOLE)]
    count = moments(sandbox, name, folder)
    chosen = [dice.randint(1, count) for _ in range(dice.choice((1, 1, 2)))]
    world, asked, ends = _killed(sandbox, name, folder, chosen, dice)
    while ends[0] == 0 and chosen[0] > FEWER:
        # Answers that come together are written down together: one delivery has fewer moments than another.
        chosen[0] -= FEWER
        world, asked, ends = _killed(sandbox, name, folder, chosen, dice)
    assert ends[0] == -signal.SIGKILL
    # The second delivery may have had less to do, and ended before its moment came.
    assert set(ends) <= {-signal.SIGKILL, 0}
    _, last = settled(world, asked)
    assert (last.is_nothing, differences(world, asked)) == (True, []), f"{name}, killed at {chosen} of {count}"

"""Another integration of the same portal: reads as much as half of the window, unevenly, until it is stopped.

A program of its own: `python -m benchmarks.delivery_other URL CALLS_PER_WINDOW`.
"""

import random
import sys
import time
from collections import deque

import requests

from benchmarks.delivery_sandbox import TOKEN

WINDOW_S = 10.0
SEED = 7


def main(url: str, calls: int) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    chance = random.Random(SEED)
    sent: deque[float] = deque()
    while True:
        # A handful at a time, never more than its half in any window.
        for _ in range(chance.randint(1, 12)):
            while len(sent) >= calls and time.monotonic() - sent[0] < WINDOW_S:
                time.sleep(0.01)
            session.get(f"{url}/crm/objects/2026-03/companies", params={"limit": "1"}, timeout=30)
            sent.append(time.monotonic())
            if len(sent) > calls:
                sent.popleft()
        time.sleep(chance.uniform(0.0, 1.2))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""What accounts say: support tickets and survey answers."""

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import draws
from usage_pipeline.sources.simulated.activity import DAY_MS, Uses
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Purpose

Tickets = npt.NDArray[np.void]
Answers = npt.NDArray[np.void]

TICKET = np.dtype(
    [
        ("number", np.int64),
        ("account", np.int32),
        ("opened_ms", np.int64),
        ("closed_ms", np.int64),
        ("priority", np.int16),
        ("satisfaction", np.int16),  # 0: none given
    ]
)
ANSWER = np.dtype([("account", np.int32), ("user", np.int64), ("score", np.int16), ("ms", np.int64)])

PRIORITIES = ("low", "normal", "high", "urgent")
TICKETS_PER_DAY = 0.011
SURVEY_EVERY_DAYS = 90
ANSWERS_SURVEY = 0.45


def tickets(seed: int, day: int, accounts: Accounts) -> Tickets:
    """Tickets opened today: larger and failing accounts ask more, and more urgently."""
    whom = draws.keys(accounts["number"])
    engaged = np.clip(accounts["engaged"], -3.0, 2.0)
    rate = TICKETS_PER_DAY * np.sqrt(np.maximum(accounts["people"], 1)) * np.exp(-0.5 * engaged)
    rate *= np.where(day - accounts["created"] < 45, 1.8, 1.0)
    n = draws.count(draws.uniform(seed, day, Purpose.TICKET, whom), np.where(accounts["ended"] < 0, rate, 0.0))
    n = np.minimum(n, 9)
    of = np.repeat(np.arange(len(accounts)), n)
    made = np.zeros(len(of), dtype=TICKET)
    if not len(of):
        return made
    ordinal = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    made["account"] = of
    made["number"] = (accounts["number"][of] * 100_000 + day) * 10 + ordinal
    each = draws.keys(made["number"])
    mood = engaged[of] + draws.normal(seed, day, Purpose.PRIORITY, each)
    made["priority"] = np.select([mood < -1.6, mood < -0.5, mood < 1.2], [3, 2, 1], default=0)
    made["opened_ms"] = day * DAY_MS + (
        (7.0 + 10.0 * draws.uniform(seed, day, Purpose.MOMENT, each)) * 3_600_000
    ).astype(np.int64)
    waits = np.array([4.0, 2.5, 1.5, 0.7])[made["priority"]] * draws.exponential(seed, day, Purpose.CLOSING, each)
    made["closed_ms"] = made["opened_ms"] + np.ceil((0.02 + waits) * DAY_MS / 1000).astype(np.int64) * 1000
    given = draws.uniform(seed, day, Purpose.STATED, each) < 0.4
    rating = np.clip(
        np.round(3.9 + 0.6 * engaged[of] + 0.9 * draws.normal(seed, day, Purpose.SATISFACTION, each)), 1, 5
    )
    made["satisfaction"] = np.where(given, rating, 0)
    return made


def answers(seed: int, day: int, accounts: Accounts, uses: Uses) -> Answers:
    """NPS answers of today: an account is asked once a quarter, in the product, so only where somebody is there."""
    present, first = np.unique(uses["account"], return_index=True)
    asked = accounts["surveyed"][present] <= day
    present, user = present[asked], uses["user"][first[asked]]
    accounts["surveyed"][present] = day + SURVEY_EVERY_DAYS
    answer = draws.uniform(seed, day, Purpose.SURVEY, draws.keys(accounts["number"][present])) < ANSWERS_SURVEY
    of = present[answer]
    whom = draws.keys(accounts["number"][of])
    made = np.zeros(len(of), dtype=ANSWER)
    made["account"], made["user"] = of, user[answer]
    feels = 7.9 + 1.3 * accounts["engaged"][of] + 1.7 * draws.normal(seed, day, Purpose.ANSWER, whom)
    made["score"] = np.clip(np.round(feels), 0, 10)
    made["ms"] = day * DAY_MS + ((8.0 + 9.0 * draws.uniform(seed, day, Purpose.MOMENT, whom)) * 3_600_000).astype(
        np.int64
    )
    return made


def closing(open_tickets: Tickets, day: int) -> tuple[Tickets, Tickets]:
    """The tickets closed by the end of a day, and those still open."""
    closed: npt.NDArray[np.bool_] = open_tickets["closed_ms"] < (day + 1) * DAY_MS
    return open_tickets[closed], open_tickets[~closed]

"""The accounts: who signs up, of which size, industry, country and habits."""

from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import draws, health, product
from usage_pipeline.sources.simulated.draws import Floats, Ints, Purpose

Accounts = npt.NDArray[np.void]

ACCOUNT = np.dtype(
    [
        ("number", np.int64),
        ("created", np.int32),  # days since 1970, like every day here
        ("ended", np.int32),  # -1: still a customer
        ("industry", np.int16),
        ("country", np.int16),
        ("owner", np.int16),
        ("employees", np.int32),
        # contract
        ("is_trial", np.bool_),
        ("plan", np.int16),
        ("seats", np.int32),
        ("term_months", np.int16),
        ("term_from", np.int32),
        ("renews", np.int32),
        ("auto_renew", np.bool_),
        ("price", np.float64),
        ("changed", np.int32),  # last churn or expansion: what is fresh is left alone for a while
        # latent
        ("quality", np.float64),
        ("drift", np.float64),
        ("lift", np.float64),
        ("wish", np.float64),
        ("pace_lift", np.float64),
        ("engaged", np.float64),
        ("decided", np.float64),
        # habits
        ("intensity", np.float64),
        ("pace", np.float64),
        ("ceiling", np.int16),
        ("lull_until", np.int32),
        ("fill", np.float64),
        # what it has
        ("integrations", np.uint8),
        ("people", np.int32),  # users now
        ("joined", np.int32),  # users ever
        ("surveyed", np.int32),
    ]
)

OLD_ACCOUNTS_MOVE_IN_DAYS = 42
MEDIAN_SEATS, SEATS_SIGMA, MOST_SEATS = 7.0, 1.15, 900


def account_id(number: int) -> str:
    return f"acc-{number:06d}"


def number_of(account_id: str) -> int:
    """The number in an account id; -1 for an id of nobody."""
    digits = account_id.removeprefix("acc-")
    return int(digits) if digits.isdigit() and digits != account_id else -1


def arrivals(seed: int, numbers: Ints, day: int, *, has_moved_in: bool) -> Accounts:
    """Accounts that sign up on `day`.

    One that `has_moved_in` comes from the vendor's old product, with its contract as it stood.
    """
    made = np.zeros(len(numbers), dtype=ACCOUNT)
    whom = draws.keys(numbers)

    def chance(purpose: Purpose, again: int = 0) -> Floats:
        return draws.uniform(seed, 0, purpose, whom, again=again)

    def bell(purpose: Purpose, again: int = 0) -> Floats:
        return draws.normal(seed, 0, purpose, whom, again=again)

    made["number"] = numbers
    made["created"], made["ended"] = day, -1
    made["industry"] = draws.pick(chance(Purpose.INDUSTRY), [industry.share for industry in product.INDUSTRIES])
    made["country"] = draws.pick(chance(Purpose.COUNTRY), [country.share for country in product.COUNTRIES])
    made["owner"] = (chance(Purpose.OWNER) * len(product.CSMS)).astype(np.int16)
    size = bell(Purpose.SIZE)
    seats = np.clip(np.round(MEDIAN_SEATS * np.exp(SEATS_SIGMA * size)), 2, MOST_SEATS)
    made["seats"] = seats
    made["employees"] = np.round(seats * np.exp(1.6 + 0.7 * bell(Purpose.SIZE, 1))) + 1
    # Larger customers take larger plans and longer terms.
    made["plan"] = np.clip(np.round(0.55 + 0.45 * size + 0.6 * bell(Purpose.PLAN)), 0, 2)
    made["term_months"] = np.where(chance(Purpose.TERM) < 0.30 + 0.15 * np.clip(size, -1, 2), 12, 1)
    made["auto_renew"] = chance(Purpose.TERM, 1) < 0.85
    made["price"] = np.round(np.exp(0.10 * bell(Purpose.PRICE)), 3)
    made["is_trial"] = (chance(Purpose.TRIAL) < 0.4) & (not has_moved_in)
    made["changed"] = day - 400 if has_moved_in else day

    made["quality"] = health.QUALITY_SD * bell(Purpose.QUALITY)
    made["drift"] = health.settled(seed, day, whom) if has_moved_in else 0.5 * bell(Purpose.HEALTH)
    made["engaged"] = made["decided"] = made["quality"] + made["drift"]

    made["intensity"] = np.exp(0.35 * bell(Purpose.HABIT)) * (seats / MEDIAN_SEATS) ** -0.15
    # A healthy start and a quick one go together, loosely.
    made["pace"] = np.exp(0.6 * bell(Purpose.PACE) + 0.3 * made["quality"])
    made["ceiling"] = np.clip(
        np.round(8.5 + 3.0 * bell(Purpose.HABIT, 1) + 0.8 * made["quality"]), 3, len(product.FEATURES)
    )
    made["fill"] = np.clip(0.88 + 0.12 * bell(Purpose.HABIT, 2), 0.5, 1.1)
    made["surveyed"] = day + (chance(Purpose.SURVEY) * 90).astype(np.int32)
    # 0, 1 or 2 of six integrations from the start.
    first, second = (1 << (chance(Purpose.INTEGRATION, again) * 6).astype(np.int64) for again in (0, 1))
    made["integrations"] = np.where(chance(Purpose.INTEGRATION, 2) < 0.6, first, 0) | np.where(
        chance(Purpose.INTEGRATION, 3) < 0.3, second, 0
    )
    made["term_from"] = day - (chance(Purpose.TENURE) * 360).astype(np.int32) if has_moved_in else day
    made["renews"] = renewals(made["term_from"], np.where(made["is_trial"], 0, made["term_months"]), day)
    return made


def renewals(term_from: Ints, term_months: npt.NDArray[np.int16], after: int) -> npt.NDArray[np.int32]:
    """The first end of a term after a day; terms end on the day of the month on which they began, or on the 28th.

    A term of 0 months is a trial of 14 days.
    """
    started = term_from.astype("datetime64[D]")
    months = started.astype("datetime64[M]")
    day_of_month = np.minimum((started - months.astype("datetime64[D]")).astype(np.int64), 27)
    term = np.maximum(term_months.astype(np.int64), 1)
    month_now = np.datetime64(after, "D").astype("datetime64[M]").astype(np.int64)
    passed = np.maximum((month_now - months.astype(np.int64)) // term, 0)
    # The first candidate may still lie before `after`; two further ones cannot.
    ends = [((months + (passed + n) * term).astype("datetime64[D]") + day_of_month).astype(np.int64) for n in (0, 1, 2)]
    end = np.where(ends[0] > after, ends[0], np.where(ends[1] > after, ends[1], ends[2]))
    return np.where(term_months == 0, term_from + 14, end).astype(np.int32)


def mrr_minor(accounts: Accounts) -> Ints:
    """Monthly recurring revenue in minor currency units; 0 in a trial."""
    list_price = np.array([plan.price_minor for plan in product.PLANS])[accounts["plan"]]
    discount = np.where(accounts["term_months"] == 12, product.ANNUAL_DISCOUNT, 1.0)
    mrr = np.round(accounts["seats"] * list_price * discount * accounts["price"]).astype(np.int64)
    return np.where(accounts["is_trial"], 0, mrr)


_FIRST = (
    "Alder",
    "Beacon",
    "Cedar",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
    "Lantern",
)
_SECOND = ("bridge", "crest", "dale", "field", "ford", "gate", "haven", "mark", "mere", "point", "stone", "works")
_LAST = {
    "software": "Software",
    "retail": "Stores",
    "finance": "Capital",
    "logistics": "Logistics",
    "health": "Clinics",
    "education": "Academy",
    "media": "Media",
}


def name(number: int, industry: int) -> str:
    """A made-up company name; numbers 0 to 143 differ in the first word, later ones carry a numeral."""
    word = _FIRST[number % 12] + _SECOND[number // 12 % 12]
    numeral = f" {number // 144 + 1}" if number >= 144 else ""
    return f"{word} {_LAST[product.INDUSTRIES[industry].name]}{numeral}"


def domain(number: int, industry: int) -> str:
    """The company's domain, under the top level that is reserved for examples."""
    return name(number, industry).lower().replace(" ", "-") + ".example"


@lru_cache(maxsize=4096)
def offsets(day: int) -> tuple[int, ...]:
    """Minutes ahead of UTC at noon of a day, per country of `product.COUNTRIES`."""
    from_epoch = date.fromordinal(day + date(1970, 1, 1).toordinal())
    return tuple(_minutes(country.zone, from_epoch) for country in product.COUNTRIES)


# ZoneInfo itself keeps only the last eight zones that it read.
_zone = lru_cache(maxsize=None)(ZoneInfo)


def _minutes(zone: str, day: date) -> int:
    ahead = datetime.combine(day, time(12), tzinfo=_zone(zone)).utcoffset()
    return int(ahead.total_seconds() // 60) if ahead is not None else 0

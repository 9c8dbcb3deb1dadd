"""The simulated company: made a day at a time, given what was done for its accounts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.simulated import activity, contracts, customers, draws, health, people, truth, voices
from usage_pipeline.sources.simulated.activity import EPOCH, Uses
from usage_pipeline.sources.simulated.customers import Accounts
from usage_pipeline.sources.simulated.draws import Ints, Purpose
from usage_pipeline.sources.simulated.people import Users
from usage_pipeline.sources.simulated.voices import Answers, Tickets

FIRST_DAY = date(2024, 7, 1)
# A Sunday: the last morning is the Monday after it.
LAST_DAY = date(2026, 6, 28)

# Sign-ups that replace, on average, the accounts that cancel or let a trial lapse.
SIGN_UPS_PER_DAY = 0.00055
LULLS_PER_DAY = 1 / 240


@dataclass(frozen=True)
class Day:
    """One day of the company: what happened, as positions in the company's accounts and users."""

    day: date
    uses: Uses
    joined: Ints
    """Users who joined."""
    signed_up: Ints
    reassigned: Ints
    """Accounts that got another CSM."""
    changes: contracts.Changes
    opened: Tickets
    closed: Tickets
    answers: Answers


class Company:
    """A vendor with about `accounts` paying customers, from `first_day` to `last_day`.

    Its customers come over from an older product in the first six weeks, with their contracts;
    from then on sign-ups and cancellations keep the base about level.

    Measured over two years: of the paying accounts of a morning 4.8 to 6.2 % churn (cancel or
    downgrade) and 7.8 to 9.0 % expand within 90 days (ten seeds of 500 accounts); the hazard
    that the generator itself holds (`truth.hazards`) ranks that churn at an AUC of 0.860 to
    0.871 (five seeds of 2,000 or 5,000 accounts; 0.85 to 0.89 at 500) and expansion at 0.76.
    """

    def __init__(self, seed: int, accounts: int = 500, first_day: date = FIRST_DAY, last_day: date = LAST_DAY) -> None:
        self.seed, self.size, self.first_day, self.last_day = seed, accounts, first_day, last_day
        self.next_day = first_day
        self.accounts: Accounts = np.zeros(0, dtype=customers.ACCOUNT)
        self.users: Users = np.zeros(0, dtype=people.USER)
        self.open_tickets: Tickets = np.zeros(0, dtype=voices.TICKET)
        self.in_transit: dict[int, list[tuple[int, int, str]]] = {}
        """Event lines by the day on which they will arrive: order, kind, line (see `mess`)."""
        self.deliveries = 0
        self.witnessed: list[truth.Witness] = []
        self.history: list[truth.Turn] = []

    def advance(self, day: date, treatments: Mapping[str, str] | None = None) -> Day:
        """One day more. `treatments` names, per account id, the play that was carried out for it that morning.

        Raises:
            Rejected: `day` is not the next day of the company.
        """
        if day != self.next_day:
            raise Rejected(f"{day} is not the company's next day", fix=f"advance {self.next_day} first")
        number = (day - EPOCH).days
        if day.weekday() == 0:
            self.witnessed.append(truth.witness(number, self.accounts))
        self._treat(treatments or {})
        signed_up = self._sign_up(number)
        self._live(number)
        changes = contracts.advance(self.seed, number, self.accounts)
        self.history.append(truth.turn(number, self.accounts, changes))
        joined = self._people(number)
        uses = self._use(number)
        opened = voices.tickets(self.seed, number, self.accounts)
        closed, self.open_tickets = voices.closing(np.concatenate([self.open_tickets, opened]), number)
        answers = voices.answers(self.seed, number, self.accounts, uses)
        self.next_day = day + timedelta(days=1)
        return Day(
            day=day,
            uses=uses,
            joined=joined,
            signed_up=signed_up,
            reassigned=self._reassign(number),
            changes=changes,
            opened=opened,
            closed=closed,
            answers=answers,
        )

    def _treat(self, treatments: Mapping[str, str]) -> None:
        for account_id, play in treatments.items():
            position = customers.number_of(account_id)
            if 0 <= position < len(self.accounts):
                effect = health.EFFECTS.get(play, health.OTHER_EFFECT)
                for name, gain in (("lift", effect.health), ("wish", effect.wish), ("pace_lift", effect.pace)):
                    most = health.MOST_LIFT if name != "pace_lift" else 2 * health.MOST_LIFT
                    self.accounts[name][position] = min(self.accounts[name][position] + gain, most)

    def _sign_up(self, day: int) -> Ints:
        """New accounts; an account's number is its position."""
        since_start = day - (self.first_day - EPOCH).days
        known = len(self.accounts)
        if since_start < customers.OLD_ACCOUNTS_MOVE_IN_DAYS:
            planned = self.size * (since_start + 1) // customers.OLD_ACCOUNTS_MOVE_IN_DAYS
            arriving, has_moved_in = planned - self.size * since_start // customers.OLD_ACCOUNTS_MOVE_IN_DAYS, True
        else:
            # Hours, so that the mean of one draw stays small for a large company.
            hours = draws.uniform(self.seed, day, Purpose.SIGN_UP, draws.keys(np.arange(1 + self.size // 2000)))
            arriving, has_moved_in = int(draws.count(hours, self.size * SIGN_UPS_PER_DAY / len(hours)).sum()), False
        numbers = np.arange(known, known + arriving)
        if arriving:
            made = customers.arrivals(self.seed, numbers, day, has_moved_in=has_moved_in)
            self.accounts = np.concatenate([self.accounts, made])
        return numbers

    def _live(self, day: int) -> None:
        accounts = self.accounts
        whom = draws.keys(accounts["number"])
        accounts["drift"] = health.drifted(accounts["drift"], self.seed, day, whom)
        for name, lasting in (("lift", health.LIFT_DAYS), ("wish", health.WISH_DAYS), ("pace_lift", health.LIFT_DAYS)):
            accounts[name] *= 1.0 - 1.0 / lasting
        now = accounts["quality"] + accounts["drift"] + accounts["lift"]
        accounts["engaged"] += (now - accounts["engaged"]) / health.ENGAGED_DAYS
        accounts["decided"] += (now - accounts["decided"]) / health.DECIDED_DAYS
        begins = draws.uniform(self.seed, day, Purpose.LULL, whom) < LULLS_PER_DAY
        length = 7 + (21 * draws.uniform(self.seed, day, Purpose.LULL_LENGTH, whom)).astype(np.int32)
        accounts["lull_until"] = np.where(begins, day + length, accounts["lull_until"])

    def _people(self, day: int) -> Ints:
        leaves = people.leaving(self.seed, day, self.users, self.accounts)
        # Whoever works for an account that ended is gone with it.
        gone = leaves | ((self.users["left"] < 0) & (self.accounts["ended"] >= 0)[self.users["account"]])
        self.users["left"][gone] = day
        self.accounts["people"] -= np.bincount(self.users["account"][gone], minlength=len(self.accounts)).astype(
            np.int32
        )
        made = people.joining(self.seed, day, self.accounts, people.joiners(self.seed, day, self.accounts))
        known = len(self.users)
        if len(made):
            self.users = np.concatenate([self.users, made])
        return np.arange(known, len(self.users))

    def _use(self, day: int) -> Uses:
        chance = activity.opportunity(day, self.accounts)
        whom = draws.keys(self.users["key"])
        who = people.active(self.seed, day, self.users, self.accounts, chance, whom)
        people.adopt(self.seed, day, self.users, who, self.accounts)
        return activity.uses(self.seed, day, self.accounts, self.users, who)

    def _reassign(self, day: int) -> Ints:
        whom = draws.keys(self.accounts["number"])
        moves = (draws.uniform(self.seed, day, Purpose.OWNER, whom) < 1 / 1500) & (self.accounts["ended"] < 0)
        self.accounts["owner"][moves] = (self.accounts["owner"][moves] + 1) % 4
        return np.flatnonzero(moves)

    def save(self, path: Path) -> None:
        """Keep the whole state in one file, written aside and put in place."""
        about = {
            "seed": self.seed,
            "accounts": self.size,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "next_day": self.next_day.isoformat(),
            "deliveries": self.deliveries,
        }
        waiting = [(day, *entry) for day, entries in sorted(self.in_transit.items()) for entry in entries]
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ".new")
        with aside.open("wb") as file:
            np.savez(
                file,
                about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
                accounts=self.accounts,
                users=self.users,
                open_tickets=self.open_tickets,
                waiting=np.array([entry[:3] for entry in waiting], dtype=np.int64).reshape(-1, 3),
                # No line holds a line feed: lines are what is separated by them.
                lines=np.frombuffer(
                    "\n".join(entry[3] for entry in waiting).encode("utf-8", "surrogateescape"), dtype=np.uint8
                ),
                witnessed=truth.packed(self.witnessed, truth.WITNESS),
                history=truth.packed(self.history, truth.TURN),
            )
        aside.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Company":
        """The company as it was saved."""
        with np.load(path) as kept:
            about = json.loads(kept["about"].tobytes())
            company = cls(
                about["seed"],
                about["accounts"],
                date.fromisoformat(about["first_day"]),
                date.fromisoformat(about["last_day"]),
            )
            company.next_day = date.fromisoformat(about["next_day"])
            company.deliveries = about["deliveries"]
            company.accounts, company.users = kept["accounts"], kept["users"]
            company.open_tickets = kept["open_tickets"]
            lines = kept["lines"].tobytes().decode("utf-8", "surrogateescape").split("\n")
            for (day, order, kind), line in zip(kept["waiting"].tolist(), lines, strict=False):
                company.in_transit.setdefault(day, []).append((order, kind, line))
            company.witnessed = [kept["witnessed"]]
            company.history = [kept["history"]]
        return company

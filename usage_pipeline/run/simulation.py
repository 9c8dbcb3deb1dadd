"""The simulated company beside the pipeline: it lands data, its CSMs act, its customers react.

The pipeline reads nothing of this but the landing folder and the CRM.
"""

import json
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path

from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home, put
from usage_pipeline.periods import ONE_DAY, WEEK
from usage_pipeline.run.progress import Progress
from usage_pipeline.run.sandboxed import Sandbox
from usage_pipeline.sources.simulated import company as companies
from usage_pipeline.sources.simulated import delivery, stock, team, truth

MAPPING = Path(delivery.__file__).with_name("company.yaml")
# The last 60 days and a little: nine weekly deliveries, so that the first 30-day outcomes are known.
LIVE_WEEKS = 9

# Monday at six, before anybody works; what people do in a week is done by Wednesday.
MORNING_HOUR, WORKING_DAYS = time(6), timedelta(days=2)


class Simulation:
    """A company whose history is landed at once and whose last weeks are landed one by one."""

    def __init__(self, home: Home, accounts: int, seed: int) -> None:
        self.home = home
        self.accounts = accounts
        self.seed = seed
        self.truth = home.path / "truth"
        self.landing = home.path / "landing"
        last = companies.LAST_DAY + ONE_DAY
        self.mornings = [last - timedelta(days=WEEK * weeks) for weeks in range(LIVE_WEEKS, -1, -1)]
        """The morning after the history, and the one after each live week."""

    @property
    def origin(self) -> str:
        return f"simulated, {self.accounts} accounts, seed {self.seed}"

    def land_history(self, progress: Progress) -> None:
        """Land two years less the live weeks, unless that is done."""
        if delivery.resume(self.landing, self.truth) is not None:
            return
        self.truth.mkdir(parents=True, exist_ok=True)
        until = self.mornings[0] - ONE_DAY
        with progress.step("simulate two years") as step:
            company = companies.Company(self.seed, accounts=self.accounts)
            days = (until - company.first_day).days

            def told(day: date) -> None:
                step.show(f"{(day - company.first_day).days:,} of {days:,} days")

            landed = delivery.write_history(company, self.landing, until, told, keep=self.truth)
            step.note = f"{landed.lines:,} lines of {self.accounts:,} accounts, {company.first_day} to {until}"

    def open_morning(self, as_of: date, sandbox: Sandbox) -> None:
        """Let the CRM's clock show the morning, and its people enter the companies that signed up since the last."""
        sandbox.set_clock(datetime.combine(as_of, MORNING_HOUR))
        stocked = self.truth / f"stocked-{as_of}"
        if not stocked.exists():
            since = None if as_of == self.mornings[0] else as_of - timedelta(days=WEEK)
            sandbox.stock(stock.stock(self._company(), since))
            stocked.touch()

    def has_landed(self, as_of: date) -> bool:
        """Whether the week before that morning was landed."""
        return self._company().next_day >= as_of

    def live_week(self, as_of: date, sandbox: Sandbox) -> str:
        """The week before a morning: tasks are taken up, customers react, data lands.

        What people did is written down before it is done, so that a week cut short is gone on
        with as it was.
        """
        first = as_of - timedelta(days=WEEK)
        noted = self.truth / f"answers-{first}.json"
        if not noted.exists():
            put(noted, json.dumps([asdict(answer) for answer in team.take_up(sandbox.open_tasks(), first, self.seed)]))
        answers = [team.Answer(**row) for row in json.loads(noted.read_text(encoding="utf-8"))]
        sandbox.set_clock(datetime.combine(first + WORKING_DAYS, MORNING_HOUR))
        for answer in answers:
            sandbox.close_task(answer.crm, answer.id, status=answer.status, answer=answer.answer)
        company = self._company()
        landed = delivery.write_week(
            company, self.landing, first, as_of - ONE_DAY, team.treatments(answers), keep=self.truth
        )
        if as_of == self.mornings[-1]:
            truth.write(company, self.truth)
        done = sum(answer.status == "done" for answer in answers)
        return f"{done} tasks done and {len(answers) - done} dismissed by people; {landed.lines:,} lines landed"

    def _company(self) -> companies.Company:
        company = delivery.resume(self.landing, self.truth)
        if company is None:
            raise Rejected(
                "nothing was simulated here yet", fix="run `usage-pipeline simulate` or `usage-pipeline run`"
            )
        return company

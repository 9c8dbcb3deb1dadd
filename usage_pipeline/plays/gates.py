"""The gates between a score and a task, in the order in which they are asked.

Each gate answers for one account and one play, in words, whether another gate has already
said no or not. Only an account that passes all of them is drawn (`plays.holdout`), and only
after the draw is capacity asked, so that both arms are alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from usage_pipeline.company import Company, Kind
from usage_pipeline.plays.playbook import Play
from usage_pipeline.plays.standing import Score, Standing, Task

# A term of more than a year binds; half a year before its end the next contract is being talked about anyway.
LOCKED_TERM_MONTHS = 12
OPEN_FOR_TALKS_DAYS = 180


@dataclass(frozen=True)
class Answer:
    """What one gate said; `passed` is None where it was not asked."""

    gate: str
    passed: bool | None
    why: str


@dataclass(frozen=True)
class Morning:
    """What holds for all accounts of a morning."""

    as_of: date
    company: Company
    data_quality: str | None
    """Why the usage data failed their check; None: they passed."""
    skill: dict[str, bool]
    """Whether an outcome's model has shown skill; an outcome without a model is not in it."""

    @property
    def primary(self) -> dict[Kind, str]:
        """The outcome of each kind that triggers and measures plays."""
        return primary(self.company)


@dataclass(frozen=True)
class Case:
    """One play and one account on one morning."""

    morning: Morning
    play: Play
    account: Standing

    @property
    def score(self) -> Score | None:
        """The score that triggers the play; of a play that a cohort triggers, none."""
        kind = self.play.trigger.outcome
        return None if kind is None else self.account.scores.get(kind)

    @property
    def open_task(self) -> Task | None:
        """The play's task that nobody has closed yet."""
        tasks = [task for task in self.account.tasks_of(self.play.name) if task.status == "open"]
        return tasks[-1] if tasks else None

    @property
    def closed_lately(self) -> Task | None:
        """The play's task that a person closed within the play's horizon."""
        since = self.morning.as_of - timedelta(days=self.play.horizon_days)
        tasks = [
            t
            for t in self.account.tasks_of(self.play.name)
            if t.is_closed_by_a_person and (t.closed_on or date.max) > since
        ]
        return tasks[-1] if tasks else None


def primary(company: Company) -> dict[Kind, str]:
    """The company's primary outcome of each kind."""
    return {Kind.CHURN: company.primary.churn, Kind.EXPANSION: company.primary.expansion}


def play_enabled(case: Case) -> Answer:
    on = case.play.name in case.morning.company.plays.enabled
    return Answer("play_enabled", on, "this company runs it" if on else "this company has not turned it on")


def data_quality(case: Case) -> Answer:
    failed = case.morning.data_quality
    return Answer(
        "data_quality",
        failed is None,
        f"usage data failed its quality check: {failed}" if failed else "usage data are sound",
    )


def skill(case: Case) -> Answer:
    # A cohort has no model of its own; the churn model is the witness that usage says anything here.
    outcome = case.morning.primary[case.play.trigger.outcome or Kind.CHURN]
    shown = bool(case.morning.skill.get(outcome))
    if shown:
        return Answer("skill", passed=True, why=f"the {outcome} model has shown skill")
    lacking = f"the {outcome} model shows no skill" if outcome in case.morning.skill else f"there is no {outcome} model"
    return Answer("skill", passed=False, why=f"{lacking}, so no play acts on it")


def evidence(case: Case) -> Answer:
    account, score = case.account, case.score
    churn = account.scores.get(Kind.CHURN)
    why = None
    subscribed = account.snapshot.get("is_subscribed")
    if subscribed is not None and not subscribed:
        why = "the account has no active subscription"
    elif case.play.trigger.outcome is not None:
        if score is None:
            why = f"there is no {case.morning.primary[case.play.trigger.outcome]} score"
        # An open task stays until the cause can be said to be gone; "we cannot tell today" is not that.
        elif score.evidence != "sufficient" and not (case.open_task and score.evidence.startswith("insufficient")):
            why = score.evidence_detail or f"evidence is {score.evidence}"
    elif churn is not None and churn.evidence == "not_at_risk":
        why = churn.evidence_detail or "the account is not at risk"
    elif account.cohort is None:
        why = "the account has no cohort"
    elif account.cohort == "New":
        why = f"too little to go by: the cohort is New{f' ({account.cohort_rule})' if account.cohort_rule else ''}"
    return Answer("evidence", why is None, why or "there is enough to go by")


def trigger(case: Case) -> Answer:
    rule, account, score = case.play.trigger, case.account, case.score
    if rule.outcome is None:
        fired = account.cohort in rule.cohorts
        is_what = f"cohort {account.cohort}" if account.cohort else "no cohort"
        return Answer("trigger", fired, is_what if fired else f"{is_what}, not {' or '.join(rule.cohorts)}")
    outcome = case.morning.primary[rule.outcome]
    tier = score.tier if score else None
    if tier in rule.tiers and score:
        return Answer("trigger", passed=True, why=f"{outcome} is {tier} ({score.score:g} of 100: {score.tier_rule})")
    if case.open_task and (tier in rule.stays or (score and score.evidence.startswith("insufficient"))):
        return Answer(
            "trigger", passed=True, why=f"{outcome} is {tier or 'without evidence today'}; the open task stays"
        )
    is_what = f"{outcome} is {tier}" if tier else f"{outcome} has no tier"
    return Answer("trigger", passed=False, why=f"{is_what}, not {' or '.join(rule.tiers)}")


def crm_link(case: Case) -> Answer:
    owners = case.account.owners
    return Answer("crm_link", bool(owners), f"owned by {' and '.join(owners)}" if owners else case.account.link_detail)


def health(case: Case) -> Answer:
    tier = case.account.health_tier
    if not case.play.is_expansion_ask:
        return Answer("health", passed=True, why="asks for no expansion")
    unwell = tier in {"Red", "Orange"}
    return Answer(
        "health",
        not unwell,
        f"health is {tier or 'unknown'}{': no expansion ask while it is Red or Orange' if unwell else ''}",
    )


def right_for_cohort(case: Case) -> Answer:
    wrong = case.account.cohort in case.play.never_for
    why = f"the wrong thing to do for {case.account.cohort}" if wrong else "not a wrong thing to do for its cohort"
    return Answer("right_for_cohort", not wrong, why)


def contract(case: Case) -> Answer:
    if not case.play.is_expansion_ask:
        return Answer("contract", passed=True, why="asks for no expansion")
    term, left = case.account.snapshot.get("term_months"), case.account.snapshot.get("days_to_renewal")
    locked = term is not None and left is not None and term > LOCKED_TERM_MONTHS and left > OPEN_FOR_TALKS_DAYS
    if locked:
        why = f"locked for {term:g} months with {left:g} days to go: no expansion ask without legal review"
        return Answer("contract", passed=False, why=why)
    return Answer("contract", passed=True, why="no multi-year contract stands against it")


def recently_done(case: Case) -> Answer:
    task = case.closed_lately
    if task is None:
        return Answer("recently_done", passed=True, why=f"nobody closed such a task in {case.play.horizon_days} days")
    when = f" on {task.closed_on}" if task.closed_on else ""
    did = "finished" if task.status == "done" else "dismissed"
    return Answer(
        "recently_done", passed=False, why=f"a person {did} this{when}; not again within {case.play.horizon_days} days"
    )


def one_churn_play(case: Case, speaking: Play | None) -> Answer:
    """`speaking`: the play against churn that already has the account."""
    if speaking is None or case.play.measured is not Kind.CHURN:
        return Answer("one_churn_play", passed=True, why="no other play against churn speaks first")
    return Answer("one_churn_play", passed=False, why=f"{speaking.name} speaks first; one play against churn at a time")


CAUSE: tuple[Callable[[Case], Answer], ...] = (
    play_enabled,
    data_quality,
    skill,
    evidence,
    trigger,
    crm_link,
    health,
    right_for_cohort,
    contract,
)
"""With all of these the play wants the account, whoever else does."""

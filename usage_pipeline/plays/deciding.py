"""Every account and every play, every morning: do, hold out or not, and why.

For each account the plays are asked in order of precedence. An account that passes every gate
is drawn once (globally, then for the play); what the draw leaves is put in order of worth, and
each owner's week decides how far down the list it goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from usage_pipeline.company import Company, Kind
from usage_pipeline.plays import capacity, catalogue, gates, holdout, playbook, standing, verdicts, wording
from usage_pipeline.plays.gates import Answer, Case, Morning
from usage_pipeline.plays.holdout import EVERY_PLAY, GLOBAL_HORIZON_DAYS, Assignment
from usage_pipeline.plays.playbook import Play
from usage_pipeline.plays.standing import Standing
from usage_pipeline.plays.verdicts import Verdict


@dataclass(frozen=True)
class Decided:
    """A morning's decisions (columns of `plays/decision`) and the arms drawn on it."""

    decisions: pd.DataFrame
    assignments: pd.DataFrame
    """New ones only (`holdout.COLUMNS`); to be stored before anything is done."""


def decide(
    as_of: date,
    company: Company,
    scores: pd.DataFrame,
    segments: pd.DataFrame,
    health: pd.DataFrame,
    snapshots: pd.DataFrame,
    links: pd.DataFrame,
    past: pd.DataFrame,
    assignments: pd.DataFrame,
    *,
    data_quality: str | None,
    skill: Mapping[str, bool],
    seed: str,
    plays: Sequence[Play] | None = None,
) -> Decided:
    """One decision per account of the snapshots and play, and the arms drawn this morning.

    `past` is what was known of tasks and hold-outs before the morning, `assignments` every arm
    that the ledger holds, `skill` whether each outcome's model has shown skill; `data_quality`
    says why the usage data failed their check. The same arguments give the same answer, and with
    its own assignments stored nothing is drawn twice.
    """
    book = sorted(playbook.shipped() if plays is None else plays, key=lambda play: (play.precedence, play.name))
    morning = Morning(as_of, company, data_quality, dict(skill))
    accounts = standing.read(snapshots, scores, segments, health, links, past, primary=morning.primary)
    drawn = {key: [one for one in arms if one.assigned_on <= as_of] for key, arms in holdout.read(assignments).items()}
    found = [verdict for account in accounts for verdict in _judged(account, book, morning, drawn, seed)]
    capacity.fill_weeks(found, accounts, morning)
    groups = wording.peer_groups(accounts)
    columns = catalogue.DECISION.schema.names
    table = pd.DataFrame([verdicts.row(verdict, groups) for verdict in found], columns=list(columns), dtype=object)
    return Decided(table, holdout.frame({one.episode: one for verdict in found for one in verdict.new}.values()))


def _judged(
    account: Standing,
    book: Sequence[Play],
    morning: Morning,
    drawn: Mapping[tuple[str, str], list[Assignment]],
    seed: str,
) -> list[Verdict]:
    """The account's verdicts on all plays, but for what its owners have room for."""
    found: list[Verdict] = []
    speaking: Play | None = None
    everywhere = _latest(drawn, EVERY_PLAY, account)
    for play in book:
        case = Case(morning, play, account)
        verdict = Verdict(case, [gate(case) for gate in gates.CAUSE])
        is_wanted = verdict.refusal is None
        verdict.answers += [gates.one_churn_play(case, speaking), gates.recently_done(case)]
        verdict.speaking = speaking
        verdict.assignment = _latest(drawn, play.name, account)
        is_enabled = bool(verdict.answers[0].passed)
        if verdict.refusal is None:
            if everywhere is None or (everywhere.arm == "hold_out" and not everywhere.holds_out(morning.as_of)):
                everywhere = _drawn(case, EVERY_PLAY, drawn, seed)
                verdict.new.append(everywhere)
            if not everywhere.holds_out(morning.as_of):
                _assign(verdict, drawn, seed)
        held = [
            one
            for one in (everywhere if is_enabled else None, verdict.assignment)
            if one and one.holds_out(morning.as_of)
        ]
        verdict.held = held[0] if held else None
        # Held out of a play, an account is open to the next one: what the play adds is measured
        # against the world without it, in which the others go on.
        if is_wanted and verdict.held is None and play.measured is Kind.CHURN and speaking is None:
            speaking = play
        found.append(verdict)
    if everywhere is not None and everywhere.holds_out(morning.as_of):
        for verdict in found:
            if verdict.answers[0].passed:
                verdict.held = verdict.held or everywhere
    for verdict in found:
        _settle(verdict)
    return found


def _latest(drawn: Mapping[tuple[str, str], list[Assignment]], play: str, account: Standing) -> Assignment | None:
    history = drawn.get((play, account.account_id))
    return history[-1] if history else None


def _assign(verdict: Verdict, drawn: Mapping[tuple[str, str], list[Assignment]], seed: str) -> None:
    """Keep the arm that holds, or draw one; a cause that comes back within the horizon keeps its arm."""
    case, latest = verdict.case, verdict.assignment
    as_of = case.morning.as_of
    if latest is None:
        verdict.assignment = _drawn(case, case.play.name, drawn, seed)
    elif latest.holds_out(as_of) or _goes_on(latest, case):
        return
    elif latest.arm == "do" and as_of < latest.assigned_on + timedelta(days=case.play.horizon_days):
        again = holdout.episode(case.account.account_id, case.play.name, as_of)
        verdict.assignment = Assignment(latest.account_id, latest.play, "do", latest.stratum, as_of, None, again)
    else:
        verdict.assignment = _drawn(case, case.play.name, drawn, seed)
    if verdict.assignment is not None and verdict.assignment is not latest:
        verdict.new.append(verdict.assignment)


def _goes_on(latest: Assignment, case: Case) -> bool:
    """Whether the episode is open, or waits for its first task."""
    if latest.arm != "do":
        return False
    tasks = [task for task in case.account.tasks_of(case.play.name) if task.episode == latest.episode]
    if tasks:
        return tasks[-1].status == "open"
    return case.morning.as_of < latest.assigned_on + timedelta(days=case.play.horizon_days)


def _drawn(case: Case, play: str, drawn: Mapping[tuple[str, str], list[Assignment]], seed: str) -> Assignment:
    plays, rule = case.morning.company.plays, case.play.trigger
    kind_of_account = case.account.cohort if rule.outcome is None else (case.score.tier if case.score else None)
    return holdout.draw(
        case.account.account_id,
        play,
        case.morning.as_of,
        share=plays.global_hold_out_share if play == EVERY_PLAY else plays.hold_out_share,
        stratum=f"{case.account.snapshot.get('size_band') or 'unknown'}/{kind_of_account}",
        horizon_days=GLOBAL_HORIZON_DAYS if play == EVERY_PLAY else case.play.horizon_days,
        seed=seed,
        earlier=len(drawn.get((play, case.account.account_id), [])),
    )


def _settle(verdict: Verdict) -> None:
    """The decision as far as gates and draw make it."""
    if verdict.held is not None:
        scope = "every play" if verdict.held.play == EVERY_PLAY else "this play"
        why = f"held out of {scope} from {verdict.held.assigned_on} until {verdict.held.held_until}"
        verdict.answers.append(Answer("hold_out", passed=False, why=why))
        verdict.decision = "hold_out"
    elif verdict.refusal is not None:
        verdict.answers.append(Answer("hold_out", passed=None, why="not drawn: another gate said no"))
    else:
        verdict.answers.append(Answer("hold_out", passed=True, why="the draw lets the play act"))
        verdict.decision = "do"

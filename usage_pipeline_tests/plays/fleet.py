"""A morning's frames for `plays`: red, Risk-Inactive or expanding accounts, all else being well."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from usage_pipeline.company import Company, Events, Plays
from usage_pipeline.plays import deciding, holdout
from usage_pipeline.plays.deciding import Decided
from usage_pipeline.scores.catalogue import ACCOUNT_HEALTH, ACCOUNT_SCORE
from usage_pipeline.segments.catalogue import ACCOUNT_SEGMENT
from usage_pipeline.sources.catalogue import CRM_LINK, PAST_ACTION
from usage_pipeline_tests import company as builders

AS_OF = builders.AS_OF
EVERY = ("red_churn_risk", "risk_inactive", "high_expansion", "narrow_discovery", "stuck_workshop")
SKILLED = {"churn_90d": True, "expansion_90d": True}


def settings(
    *, enabled: tuple[str, ...] = EVERY, share: float = 0.0, everywhere: float = 0.0, room: int = 1000
) -> Company:
    plays = Plays(
        enabled=enabled, hold_out_share=share, global_hold_out_share=everywhere, tasks_per_owner_and_week=room
    )
    return Company(company="tests", events=(Events(format="segment"),), plays=plays)


@dataclass
class Fleet:
    """Accounts added one by one; `decide` gives the morning's decisions on them."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    health: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    assignments: pd.DataFrame = field(default_factory=lambda: holdout.frame([]))

    def add(
        self,
        account_id: str,
        *,
        churn: str | None = "green",
        expansion: str | None = "low",
        cohort: str | None = "Activated-Power",
        health: str | None = "Green",
        owner: str | None = "mia@example.com",
        state: str = "matched",
        probability: float = 0.5,
        evidence: str = "sufficient",
        **snapshot: Any,
    ) -> "Fleet":
        self.rows.append(builders.snapshot(account_id, **snapshot))
        for outcome, kind, tier in (("churn_90d", "churn", churn), ("expansion_90d", "expansion", expansion)):
            self.scores.append(
                dict.fromkeys(ACCOUNT_SCORE.schema.names)
                | {"account_id": account_id, "outcome": outcome, "kind": kind, "evidence": evidence, "tier": tier}
                | {"evidence_detail": f"evidence is {evidence}", "probability": probability, "score": probability * 100}
                | {"tier_rule": "above the line", "reason_1": f"because of {kind}", "as_of": AS_OF}
            )
        self.segments.append(
            dict.fromkeys(ACCOUNT_SEGMENT.schema.names)
            | {"account_id": account_id, "cohort": cohort, "cohort_rule": "row 3"}
        )
        self.health.append(
            dict.fromkeys(ACCOUNT_HEALTH.schema.names) | {"account_id": account_id, "health_tier": health}
        )
        self.links.append(
            dict.fromkeys(CRM_LINK.schema.names)
            | {"crm": "hubspot", "account_id": account_id, "state": state, "crm_name": account_id.upper()}
            | {"owner_id": owner and "7", "owner_email": owner, "detail": "two companies share its domain"}
        )
        return self

    def task(
        self, account_id: str, play: str, status: str, *, opened: date, closed: date | None = None, crm: str = "hubspot"
    ) -> None:
        self.tasks.append(
            dict.fromkeys(PAST_ACTION.schema.names)
            | {"as_of": AS_OF, "account_id": account_id, "play": play, "arm": "do", "status": status, "crm": crm}
            | {"episode": holdout.episode(account_id, play, opened), "assigned_on": opened, "opened_on": opened}
            | {"closed_at": closed and datetime.combine(closed, datetime.min.time())}
        )

    def assign(self, account_id: str, play: str, arm: str, since: date, *, days: int = 90) -> None:
        """Store an arm as the ledger would hold it."""
        until = since + timedelta(days=days - 1) if arm == "hold_out" else None
        episode = holdout.episode(account_id, play, since)
        one = holdout.Assignment(account_id, play, arm, "20-99/red", since, until, episode)  # type: ignore[arg-type]
        self.assignments = pd.concat([self.assignments, holdout.frame([one])], ignore_index=True)

    def decide(
        self,
        company: Company | None = None,
        *,
        as_of: date = AS_OF,
        data_quality: str | None = None,
        skill: dict[str, bool] | None = None,
        shuffled: bool = False,
    ) -> Decided:
        frames = [
            pd.DataFrame(self.scores, columns=list(ACCOUNT_SCORE.schema.names)),
            pd.DataFrame(self.segments, columns=list(ACCOUNT_SEGMENT.schema.names)),
            pd.DataFrame(self.health, columns=list(ACCOUNT_HEALTH.schema.names)),
            builders.frame(*self.rows),
            pd.DataFrame(self.links, columns=list(CRM_LINK.schema.names)),
            pd.DataFrame(self.tasks, columns=list(PAST_ACTION.schema.names)),
            self.assignments,
        ]
        if shuffled:
            frames = [frame.sample(frac=1, random_state=3) for frame in frames]
        return deciding.decide(
            as_of,
            company or settings(),
            *frames,
            data_quality=data_quality,
            skill=SKILLED if skill is None else skill,
            seed="a seed",
        )

    def store(self, decided: Decided) -> None:
        """Keep the drawn arms, as the ledger does before anything is done."""
        self.assignments = pd.concat([self.assignments, decided.assignments], ignore_index=True)


def one(decided: Decided, account_id: str, play: str) -> dict[str, Any]:
    """The decision on one account and play."""
    rows = decided.decisions
    found = rows[(rows["account_id"] == account_id) & (rows["play"] == play)].to_dict("records")
    assert len(found) == 1
    return found[0]

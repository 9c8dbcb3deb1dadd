"""The account that closes a run."""

from io import StringIO

from rich.console import Console

from usage_pipeline.home import Home
from usage_pipeline.run import account
from usage_pipeline.run.summary import MEASURES
from usage_pipeline.settings import Settings

CHURN = dict.fromkeys(MEASURES) | {
    "scored": 480, "insufficient_evidence": 20, "skill": True, "skill_reason": None, "rung": "xgboost",
    "model_version": "1", "average_precision": 0.143, "average_precision_low": 0.092, "average_precision_high": 0.228,
    "logistic_average_precision": 0.131, "rule_average_precision": 0.073,
}  # fmt: skip


def printed(tmp_path, **outcomes):
    summary = {
        "company": "acme", "as_of": "2026-06-29", "ok": True, "seconds": 3.0, "accounts": 500,
        "events": {"received": 10, "accepted": 8, "duplicates": 1, "rejected": 1},
        "tiers": {"red": 1, "yellow": 2, "green": 3}, "outcomes": outcomes, "plays_by_name": {}, "delivery": {},
        "effects": [], "failed_checks": [], "product_data": [],
    }  # fmt: skip
    to = StringIO()
    account.show(summary, Home(Settings(home=tmp_path)), Console(file=to, width=150))
    return to.getvalue()


def test_a_model_stands_beside_both_of_its_rivals(tmp_path):
    (row,) = [line for line in printed(tmp_path, churn_90d=CHURN).splitlines() if "churn_90d" in line]
    cells = [cell.strip() for cell in row.split("│")]
    at = cells.index("0.143 (0.092 to 0.228)")
    assert cells[at + 1 : at + 3] == ["0.131", "0.073"]


def test_a_model_without_skill_is_named_with_the_reason(tmp_path):
    told = printed(tmp_path, churn_90d=CHURN | {"skill": False, "skill_reason": "Brier skill may be 0"})
    assert "churn_90d shows no skill (Brier skill may be 0): no play acts on it." in told

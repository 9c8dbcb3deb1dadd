"""The short, readable account of a run that ends the command."""

from typing import Any

from rich.console import Console
from rich.table import Table

from usage_pipeline.home import Home


def show(summary: dict[str, Any], home: Home, console: Console) -> None:
    """Print what happened: events, scores, models, plays, deliveries, effects, and where to look."""
    events = summary["events"]
    console.rule(f"{summary['company']}, morning of {summary['as_of']}", align="left")
    console.print(
        f"Events: {events['received']:,} received = {events['accepted']:,} accepted + {events['duplicates']:,} duplicates"
        f" + {events['rejected']:,} rejected. Accounts: {summary['accounts']:,}.",
        highlight=False,
    )
    tiers = summary["tiers"]
    console.print(
        f"Churn tiers: {tiers['red']} red, {tiers['yellow']} yellow, {tiers['green']} green.", highlight=False
    )
    console.print(_models(summary["outcomes"]))
    console.print(_plays(summary["plays_by_name"]))
    console.print(_delivery(summary["delivery"]))
    if not any(one["fields_written"] or one["tasks_opened"] for one in summary["delivery"].values()):
        console.print("Nothing had to be sent: the CRMs already hold all of it.", highlight=False)
    for text in _effects(summary["effects"]):
        console.print(text, highlight=False)
    for failed in summary["failed_checks"]:
        console.print(f"[yellow]check not passed:[/] {failed}", highlight=False)
    console.print(
        f"\nWhere to look next: `make dev` (Dagster, MLflow and the CRM sandbox in a browser);\n"
        f"  {home.path / 'reports' / 'outcomes.html'} (what the plays changed);\n"
        f"  {home.path / 'usage.duckdb'} (every table, for any DuckDB client);\n"
        f"  `usage-pipeline trace ACCOUNT` (one account from its events to its CRM fields).",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"{'[green]OK' if summary['ok'] else '[red]NOT OK'}[/] in {summary['seconds']:.0f} s; "
        f"for programs: {home.summary_file}",
        highlight=False,
        soft_wrap=True,
    )


def _models(outcomes: dict[str, Any]) -> Table:
    table = Table(
        "outcome",
        "scored",
        "no evidence",
        "skill",
        "model",
        "AUC",
        "average precision",
        "rule of thumb",
        "calibration error",
    )
    for name, one in outcomes.items():
        table.add_row(
            name,
            str(one["scored"]),
            str(one["insufficient_evidence"]),
            "yes" if one["skill"] else f"no: {one['skill_reason'] or 'no model'}",
            f"{one['rung'] or '-'} v{one['model_version'] or '-'}",
            _number(one["auc"]),
            f"{_number(one['average_precision'])} ({_number(one['average_precision_low'])} to {_number(one['average_precision_high'])})",
            _number(one["rule_average_precision"]),
            _number(one["calibration_error"]),
        )
    return table


def _plays(plays: dict[str, Any]) -> Table:
    table = Table("play", "do", "held out", "not")
    for name, one in plays.items():
        table.add_row(name, str(one["do"]), str(one["hold_out"]), str(one["not"]))
    return table


def _delivery(delivery: dict[str, Any]) -> Table:
    table = Table(
        "CRM",
        "fields written",
        "records",
        "tasks opened",
        "updated",
        "withdrawn",
        "API calls",
        "unmatched",
        "ambiguous",
        "failed",
    )
    for name, one in delivery.items():
        table.add_row(
            name,
            *(
                f"{one[column]:,}"
                for column in (
                    "fields_written",
                    "records_written",
                    "tasks_opened",
                    "tasks_updated",
                    "tasks_withdrawn",
                    "api_calls",
                    "unmatched",
                    "ambiguous",
                    "failed",
                )
            ),
        )
    return table


def _effects(effects: list[dict[str, Any]]) -> list[str]:
    return [f"Effect of {one['play']} on {one['outcome']}: {one['text']}" for one in effects]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

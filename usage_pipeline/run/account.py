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
    for text in _doubts(summary):
        console.print(text, highlight=False, soft_wrap=True)
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
        console.print(f"[red]check not passed:[/] {failed}", highlight=False)
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


def _doubts(summary: dict[str, Any]) -> list[str]:
    """What stands against trusting this morning, in words: the product data, and models without skill."""
    stops = "no play acts on it"
    said = [
        f"[yellow]Product data:[/] {one['words']}{f': {stops}' if one['stops_plays'] else ''}."
        for one in summary["product_data"]
    ]
    for name, one in summary["outcomes"].items():
        if not one["skill"]:
            what = "shows no skill" if one["rung"] else "has no model"
            said.append(f"[yellow]Model:[/] {name} {what} ({one['skill_reason'] or 'never trained'}): {stops}.")
    return said


def _models(outcomes: dict[str, Any]) -> Table:
    table = Table(
        "outcome",
        "scored",
        "no\nevidence",
        "skill",
        "model",
        "AUC",
        "average\nprecision",
        "of logistic\nregression",
        "of the\nrule",
        "calibration\nerror",
    )
    for name, one in outcomes.items():
        table.add_row(
            name,
            str(one["scored"]),
            str(one["insufficient_evidence"]),
            "yes" if one["skill"] else "no",
            f"{one['rung']} v{one['model_version']}" if one["rung"] else "-",
            _number(one["auc"]),
            _interval(one, "average_precision"),
            _number(one["logistic_average_precision"]),
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
        "fields\nwritten",
        "records",
        "tasks\nopened",
        "updated",
        "withdrawn",
        "API\ncalls",
        "saved",
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
                    "calls_saved",
                    "unmatched",
                    "ambiguous",
                    "failed",
                )
            ),
        )
    return table


def _effects(effects: list[dict[str, Any]]) -> list[str]:
    return [f"Effect of {one['play']} on {one['outcome']}: {one['text']}" for one in effects]


def _interval(one: dict[str, Any], name: str) -> str:
    if one[name] is None:
        return "-"
    return f"{_number(one[name])} ({_number(one[f'{name}_low'])} to {_number(one[f'{name}_high'])})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

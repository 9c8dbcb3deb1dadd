"""The table of `make bench-models`, on the terminal and as a page."""

from typing import Any

from rich.table import Table

Row = dict[str, Any]
# Title, and how a figure is told.
_COLUMNS = {
    "auc": ("AUC (95 %)", "{auc:.3f} ({auc_low:.3f} to {auc_high:.3f})"),
    "average_precision": ("average precision", "{average_precision:.3f}"),
    "base_rate": ("base rate", "{base_rate:.3f}"),
    "lift_10": ("lift, first tenth", "{lift_10:.2f}"),
    "brier_skill": ("Brier skill", "{brier_skill:.4f}"),
    "calibration_error": ("calibration error", "{calibration_error:.4f}"),
    "caught_at_10": ("caught at 10 %", "{caught_at_10:.0%}"),
    "lead_days": ("lead, days", "{lead_days:.1f}"),
}


def table(name: str, rows: list[Row]) -> Table:
    made = Table(title=name, title_justify="left")
    for title in _titles():
        made.add_column(title)
    for row in rows:
        made.add_row(*_cells(row))
    return made


def document(found: dict[str, Any]) -> str:
    """The page: what was measured, how, and every row."""
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found["machine"].items())
    lines = [
        "# Models on real and foreign data",
        "",
        "Made by `make bench-models`, which prints the same table; none of the data is part of the project. Each data",
        "set goes through the pipeline's own stages with its mapping in `examples/`. What a morning sees was known",
        "before it, and labels teach only once they could have been stated.",
        "",
        f"{found['date']}, commit {found['commit']}, {found['seconds']} s; {machine}.",
        "",
        "* Judged are the last quarter of the mornings, with the outcome's embargo before them. *Kinds never trained",
        "  on*: each industry (product, module) is judged on the same mornings by what the others teach. *Permuted",
        "  labels*: outcomes dealt to other accounts, so that there is nothing to learn.",
        "* Intervals are over accounts (bootstrap). *Caught at 10 %*: of all outcomes the share whose account was among",
        "  the highest tenth on the last morning before. *Lead*: mean days of the uninterrupted flag that ends at the",
        "  outcome, undetected counted as 0, each model flagging as many accounts on each morning as the rule of thumb",
        "  (weekly active users fell, or rose, by 40 % in two weeks).",
        "* The choice is made on mornings of its own, or by cross-fitting, never on the judged ones.",
        "",
        "| " + " | ".join(_titles()) + " |",
        "|" + "---|" * len(_titles()),
    ]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in found["rows"]]
    said = [row for row in found["rows"] if "why" in row]
    lines += ["", "## What the choice says of itself", "", "| data | outcome | verdict | why |", "|---|---|---|---|"]
    lines += [
        f"| {row['data']} | {row['outcome']} | {'skill' if row['has_skill'] else 'no demonstrated skill'} | {row['why']} |"
        for row in said
    ]
    return "\n".join(lines) + "\n"


def _titles() -> list[str]:
    return ["data", "outcome", "model", *(title for title, _ in _COLUMNS.values())]


def _cells(row: Row) -> list[str]:
    model = row["model"] if row.get("rung") in (None, row["model"]) else f"{row['model']}: {row['rung']}"
    told = [shape.format(**row) if row.get(name) is not None else "" for name, (_, shape) in _COLUMNS.items()]
    return [row["data"], row["outcome"], model, *told]

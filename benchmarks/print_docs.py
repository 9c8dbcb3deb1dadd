"""Prints the tables of docs/ from what they describe: `make docs`; a test says when one is out of date."""

import ast
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from usage_pipeline import company, documents
from usage_pipeline.crm import contract
from usage_pipeline.crm.contract import CONTRACT
from usage_pipeline.defs import tables
from usage_pipeline.features import catalogue as features
from usage_pipeline.features import dictionary
from usage_pipeline.lake import Table
from usage_pipeline.segments import cohorts, personas
from usage_pipeline.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
PRINTED = "*Printed by `make docs`; do not edit by hand.*\n"

SECTIONS = (
    company.Company,
    company.Events,
    company.Fetch,
    company.Clock,
    company.Outcome,
    company.Primary,
    company.Roles,
    company.Metric,
    company.Plays,
    company.Crm,
)
"""The parts of a mapping, the whole first."""


def features_page() -> str:
    """docs/features.md."""
    return (
        "# Features\n\n"
        "What we knew of an account on a morning: the columns of `features/account_snapshot` (scored mornings) and "
        "`features/training_snapshot` (training mornings), beside `account_id` and `as_of`. NULL says that something "
        f"cannot be said, 0 that it is so.\n\n{PRINTED}\n{dictionary.markdown()}\n"
        "## Key metrics\n\n"
        "What to look at first. Engagement is events in which a feature fired, never logins or sessions alone: breadth "
        f"of features tells far more than the number of logins.\n\n{dictionary.key()}\n"
        "## Comparisons\n\n"
        "A figure is compared where its level alone says little. Similar accounts are those of the industry and size "
        f"band, else of the size band, else all, until there are ten.\n\n{dictionary.comparisons()}\n"
        "## A company's own metrics\n\n"
        "A metric of the mapping adds `NAME`, `NAME_change` (over the account's own window before, minus 1; a trend has "
        "none) and `NAME_percentile` (among similar accounts). [input.md](input.md#metrics-of-your-own) says how to "
        "state one.\n"
    )


def cohorts_page() -> str:
    """docs/cohorts.md."""
    return (
        "# Cohorts\n\n"
        "Every account has exactly one cohort on a morning: that of the first row that holds. The row's sentence is "
        f"kept beside it in `segments/account_segment` (`cohort_rule`).\n\n{PRINTED}\n{cohorts.markdown()}\n"
        "## Personas\n\n"
        "Every person in an account has exactly one persona on a morning, in the same way: `persona` and `persona_rule` "
        "in `segments/user_persona`. A day of use is a day with any event; a feature counts once.\n\n"
        f"{personas.markdown()}"
    )


def tables_page() -> str:
    """docs/tables.md."""
    head = (
        "# Tables\n\n"
        "Every table of the lake, in the data's order. `usage.duckdb` in the home has each one as the view "
        "`STAGE_TABLE` (`scores/account_score` is `scores_account_score`). Times are UTC without a zone, money is in "
        f"minor units.\n\n{PRINTED}"
    )
    return "\n".join([head, *(_table(table) for table in tables.TABLES)])


def _table(table: Table) -> str:
    about = f"One row per {table.grain}." + (f" Partitioned by `{table.partition}`." if table.partition else "")
    title = f"## {table.key}\n\n{about}\n"
    if table.key == "features/training_snapshot":
        return f"{title}\nThe same columns as `features/account_snapshot`.\n"
    if table.key == "features/account_snapshot":
        return f"{title}\n`account_id`, `as_of` and the {len(features.FEATURES)} columns of [features](features.md).\n"
    rows = [(f"`{column.name}`", column.type, column.meaning, column.unit) for column in table.columns]
    return f"{title}\n{_markdown(('column', 'type', 'meaning', 'unit'), rows)}"


def fields_page() -> str:
    """docs/fields.md."""
    rows = [(f"`{field.name}`", f"`{field.salesforce}`", *_said_of(field)) for field in CONTRACT.fields]
    contacts = [(f"`{field.name}`", *_said_of(field)) for field in CONTRACT.contacts]
    return (
        "# Fields in the CRM\n\n"
        "What the pipeline writes on a HubSpot company, a Salesforce account and a HubSpot contact, and nothing else. "
        f"`apply` creates the fields that are missing. Tasks carry `{CONTRACT.task_key}` "
        f"(`{CONTRACT.task_key_salesforce}`), by which one is never opened twice.\n\n"
        "The contract is a file, `usage_pipeline/crm/fields.yaml`. `USAGE_FIELD_CONTRACT` names one of your own: a copy "
        "with fewer fields, or with other labels, descriptions, options, groups, lengths and bands; the schema "
        "[fields.schema.json](fields.schema.json) lets an editor check it while you write. `ownership` says whose a field "
        "is once somebody has edited it in the CRM: `ours` (put right, and counted), `theirs_if_edited` (kept until our "
        "value changes) or `fill_if_empty`. `usage-pipeline crm-setup` shows what a CRM lacks and which scope creating it "
        "needs; `usage-pipeline contract check` finds drift.\n\n"
        "A record is written when one of its fields has changed enough, and whatever else differs goes along in the same "
        "call; the fields of an account that is scored no more are cleared (`leavers: keep` keeps them).\n\n"
        f"{PRINTED}\n{_markdown(('HubSpot', 'Salesforce', 'label', 'type', 'what it says', 'values', 'written'), rows)}"
        "\n## Contacts\n\n"
        "Where the mapping says `crm: {hubspot_contacts: true}`, the contact with a person's e-mail address gets these. "
        "None is ever created: whether a person is in a CRM is for people to decide.\n\n"
        f"{_markdown(('HubSpot', 'label', 'type', 'what it says', 'values', 'written'), contacts)}"
    )


def _said_of(field: contract.Field) -> tuple[str, ...]:
    """Label, type, what it says, values, and when it is written."""
    kind = field.kind.value.replace("_", " ")
    return field.label, kind, field.description, ", ".join(field.options), _damping(field)


def _damping(field: contract.Field) -> str:
    """When a change of the field is written."""
    if field.change == "rides":
        rule = "along with another"
    elif field.dead_band:
        rule = f"when it moves by {field.dead_band:g}"
    elif field.follows:
        rule = f"at once towards {field.options[0]}, else with `{field.follows}`"
    else:
        rule = "at once"
    return rule + (f"; after {field.max_age_days} days in any case" if field.max_age_days else "")


def settings_page() -> str:
    """docs/settings.md."""
    parts = [
        "# Settings\n",
        PRINTED,
        "## Of an installation: the environment\n",
        "Set in the environment or in a file `.env` beside the command; every one is optional.\n",
        _markdown(("setting", "default", "what it is"), _described(Settings, lambda name: f"USAGE_{name.upper()}")),
        "## Of a company: the mapping\n",
        (
            "One YAML file (`--mapping`). [input.md](input.md) has the input itself, with samples; `examples/` two "
            "whole mappings. An unknown key is refused with its line.\n"
        ),
    ]
    for section in SECTIONS:
        title = "The file" if section is company.Company else f"`{_key_of(section)}:`"
        about = inspect.getdoc(section) or ""
        parts += [f"### {title}\n", f"{about}\n", _markdown(("key", "default", "what it is"), _described(section, str))]
    return "\n".join(parts)


def _key_of(section: type[BaseModel]) -> str:
    return {"Outcome": "outcomes", "Metric": "metrics"}.get(section.__name__, section.__name__.lower())


def _described(model: type[BaseModel], name_of: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    said = _docstrings(model)
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        yield f"`{name_of(name)}`", _default(default), said.get(name, "")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, dict) and any(isinstance(one, BaseModel) for one in value.values()):
        return ", ".join(f"`{name}`" for name in value)
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    if value is None or isinstance(value, BaseModel | SecretStr) or value in ("", {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The sentence below each attribute of a class."""
    (defined,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    body = getattr(defined, "body", [])
    said = {}
    for this, following in itertools.pairwise(body):
        if (
            isinstance(this, ast.AnnAssign)
            and isinstance(this.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            said[this.target.id] = " ".join(str(following.value.value).split())
    return said


def _markdown(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "/").strip() for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def schema() -> str:
    """docs/fields.schema.json."""
    return json.dumps(documents.schema(contract.SHAPE, "The fields that CRMs get"), indent=2) + "\n"


PAGES = {
    "features.md": features_page,
    "cohorts.md": cohorts_page,
    "tables.md": tables_page,
    "fields.md": fields_page,
    "fields.schema.json": schema,
    "settings.md": settings_page,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()

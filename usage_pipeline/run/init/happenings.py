"""Milestones and labels: what happened to accounts, and what a file says of their mornings."""

import re

from usage_pipeline.events import fields
from usage_pipeline.run.init import selects
from usage_pipeline.run.init.book import Book
from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken
from usage_pipeline.run.init.selects import Select
from usage_pipeline.run.init.understood import Part

_NAMED_LABEL = r"(churn|expan|upsell|upgrad|cancel|renew)\w*|.*_\d+[dwm]|happened|label|target"


def of_milestone(made: Part, source: Source, taken: Taken, book: Book) -> None:
    select = Select(source.table)
    if not add_account(made, select, source, taken, book):
        return
    if "kind" in taken and _milestone(source) == "":
        select.add(selects.ref(taken.columns["kind"]), "kind", f"found: {', '.join(taken.columns['kind'].common)}")
    else:
        select.add(fields.text(_milestone(source) or "churn"), "kind", "by the file's name")
    happened = taken.columns["happened_at"]
    if happened.times is not None and happened.times.is_sure:
        select.add(selects.moment(happened), "happened_at", happened.says_when())
    back = taken.columns.get("is_reactivation")
    if back is not None:
        select.where = f"NOT CAST({selects.quoted(back.name)} AS BOOLEAN)"
        made.questions.append(
            f"are rows of {source.name} with `{back.name}` customers who came back? They are left out"
        )
    made.sql = select.sql()


def of_label(made: Part, source: Source, taken: Taken, book: Book) -> None:
    as_of = taken.columns["as_of"]
    account = book.account(source, taken)
    if account is None or account.joined or as_of.times is None or not as_of.times.is_sure:
        made.stops = made.stops or f"no column of {source.name} names the account"
        return
    made.joins.append(account.evidence)
    morning = f"CAST({selects.moment(as_of, as_moment=True)} AS DATE)"
    statements = []
    for column in _label_columns(source, taken):
        select = Select(source.table)
        select.add(account.expression, "account_id")
        select.add(morning, "as_of")
        outcome = selects.ref(taken.columns["outcome"]) if "outcome" in taken else fields.text(column.plain)
        select.add(outcome, "outcome")
        select.add(f"CAST({selects.quoted(column.name)} AS BOOLEAN)", "happened", f"found: {', '.join(column.common)}")
        statements.append(select.sql())
    made.sql = "\nUNION ALL\n".join(statements)
    found = book.connection.execute(
        f"SELECT count(*) - count(DISTINCT ({account.expression}, {selects.quoted(as_of.name)})) FROM {source.sample}"
    ).fetchone()
    if found and found[0] and "outcome" not in taken:
        rest = [
            column.name for column in source.columns if column not in (account.column, as_of) and not column.is_flag
        ]
        made.questions.append(
            f"{found[0]:,} rows of {source.name} are of an account and morning that another row speaks of: is an account only "
            f"one together with {' or '.join(f'`{name}`' for name in rest) or 'something else'}? Then write both as account_id, here and in the events"
        )


def add_account(made: Part, select: Select, source: Source, taken: Taken, book: Book) -> bool:
    """Put the account into the select; False, with why in `stops`, where nothing names it."""
    account = book.account(source, taken)
    if account is None:
        made.stops = (
            f"no column of {source.name} names an account: add one (its id, name or domain, or a person's address)"
        )
        return False
    made.joins.append(account.evidence)
    made.questions += [account.question] if account.question else []
    if account.joined:
        select.joins += account.joined
    select.add(account.expression, "account_id")
    made.files = ", ".join([made.files, *account.files])
    return True


def _milestone(source: Source) -> str:
    """The kind of milestone that the file's name says."""
    found = re.search(r"churn|cancel|expan|upgrad|renew|downgrad", source.table.lower())
    words = {
        "cancel": "churn",
        "expan": "expansion",
        "upgrad": "expansion",
        "renew": "renewal",
        "downgrad": "downgrade",
    }
    return words.get(found.group(), found.group()) if found else ""


def milestone_kinds(chosen: list[tuple[Source, Taken]]) -> dict[str, str]:
    """Outcomes that milestones may tell: kind of outcome to kind of milestone."""
    found = {}
    for source, taken in chosen:
        if taken.kind == "milestone":
            kinds = (
                list(taken.columns["kind"].common)
                if "kind" in taken and not _milestone(source)
                else [_milestone(source) or "churn"]
            )
            for kind in kinds:
                if re.search("churn|cancel", kind.lower()):
                    found["churn"] = kind
                elif re.search("expan|upgrad|upsell", kind.lower()):
                    found["expansion"] = kind
    return found or {"churn": "churn"}


def _label_columns(source: Source, taken: Taken) -> list[Column]:
    if "outcome" in taken:
        return [taken.columns["happened"]]
    return [column for column in source.columns if column.is_flag and re.fullmatch(_NAMED_LABEL, column.plain)] or [
        taken.columns["happened"]
    ]


def label_names(source: Source, taken: Taken) -> list[str]:
    """The outcomes that the labels speak of."""
    if "outcome" in taken:
        return list(taken.columns["outcome"].common)
    return [column.plain for column in _label_columns(source, taken)]

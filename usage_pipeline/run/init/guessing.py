"""From the files of a folder to what a mapping may say of them."""

from datetime import datetime
from pathlib import Path, PurePosixPath

import duckdb

from usage_pipeline.errors import Rejected
from usage_pipeline.run.init import events, exported, exports, files, happenings, joins, kinds, outcomes, roles, tables
from usage_pipeline.run.init.book import Book
from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.exports import Export
from usage_pipeline.run.init.files import Source, Told
from usage_pipeline.run.init.kinds import Taken
from usage_pipeline.run.init.understood import Understood
from usage_pipeline.sources import landing
from usage_pipeline.sources.landing import Delivery, File

# Without a name that says so, nearly all of a column's values must be accounts.
_SURE = 0.9
_ONE_OF_A_KIND = ("account", "user", "subscription", "invoice", "ticket", "survey", "label")


def understood(folder: Path, company: str, *, now: datetime, told: Told, has_crm: bool) -> Understood:
    """What the folder's files are taken to be; nothing is written."""
    deliveries = landing.deliveries(folder, now=now)
    if not deliveries:
        raise Rejected(
            f"{folder} holds no file that can be read",
            fix=f"put files there: {', '.join(landing.READABLE)}, packed or not",
        )
    found = Understood(company, str(folder), has_crm=has_crm)
    found.left.update(dict.fromkeys(files.ignored(folder, deliveries), "not a kind of file that is read"))
    every = [file for delivery in deliveries for file in delivery.files]
    by_format: dict[str, list[File]] = {}
    rest: list[File] = []
    for file in every:
        told(file.name)
        kind = exports.recognised(file)
        (by_format.setdefault(kind, []) if kind else rest).append(file)
    with files.connection(folder) as connection:
        held = files.tables(connection, rest, told)
        found.left.update(held.unread)
        _put_together(connection, found, held.sources, list(exports.together(by_format)), every)
    _warn_of_deliveries(found, deliveries)
    return found


def _put_together(
    connection: duckdb.DuckDBPyConnection,
    found: Understood,
    sources: list[Source],
    tool_exports: list[Export],
    every: list[File],
) -> None:
    chosen = _chosen(connection, found, sources)
    lookups = [source for source in sources if source.table not in {each.table for each, _ in chosen}]
    book = Book(connection, chosen, lookups)
    for export in tool_exports:
        others = [file for file in every if file not in export.files]
        found.events += exported.of_export(export, others, book, found.names)
    used: set[str] = set()
    for source, taken in chosen:
        if taken.kind == "events":
            found.events.append(events.of_table(source, taken, book, found.names, used))
    for source in lookups:
        if source.table in used:
            found.left.pop(source.name, None)
    found.roles = roles.proposed(found.names)
    for source, taken in chosen:
        if taken.kind != "events":
            part = tables.part(source, taken, book)
            found.tables.append(part)
    if not any(taken.kind == "account" for _, taken in chosen):
        found.tables[:0] = tables.accounts_of_events(chosen, book, found.events)
    found.has_zone = all(part.has_zone for part in found.parts)
    _decide_outcomes(found, book)


def _chosen(
    connection: duckdb.DuckDBPyConnection, found: Understood, sources: list[Source]
) -> list[tuple[Source, Taken]]:
    """Each table that is clearly something, the likeliest one of each kind."""
    clear: list[tuple[Source, Taken]] = []
    accounts = _accounts(sources)
    for source in sources:
        may_be = kinds.taken(source, _names_accounts(connection, source, accounts))
        if exported := tables.as_exported(source, may_be):
            clear.append((source, exported))
            continue
        if kinds.is_clear(may_be):
            clear.append((source, may_be[0]))
        elif len(may_be) > 1 and may_be[0].points >= kinds.ENOUGH:
            also = " or ".join(one.kind for one in may_be if may_be[0].points - one.points < kinds.LEAD)
            found.left[source.name] = f"could be {also}"
            found.questions.append(
                f"is {source.name} {also}? Its columns ({', '.join(column.name for column in source.columns)}) "
                "do not say; write its select under `tables` or `events`"
            )
        else:
            found.left[source.name] = (
                _no_times(source)
                + "its columns are none that are known: "
                + ", ".join(column.name for column in source.columns)
            )
    kept = []
    for kind in dict.fromkeys(taken.kind for _, taken in clear):
        of_kind = sorted((each for each in clear if each[1].kind == kind), key=lambda each: -each[1].points)
        kept += of_kind[:1] if kind in _ONE_OF_A_KIND else of_kind
        for source, _ in of_kind[1:] if kind in _ONE_OF_A_KIND else []:
            found.left[source.name] = f"looks like {kind} too, which {of_kind[0][0].name} is taken as"
            found.questions.append(
                f"{source.name} looks like {kind} as well as {of_kind[0][0].name}: if both are, join them with UNION ALL BY NAME"
            )
    return kept


def _accounts(sources: list[Source]) -> tuple[Source, Column] | None:
    """The table of accounts and its key, by its own columns."""
    clear = [(source, may_be[0]) for source in sources if kinds.is_clear(may_be := kinds.taken(source))]
    of_accounts = [each for each in clear if each[1].kind == "account"]
    source, taken = max(of_accounts, key=lambda each: each[1].points, default=(None, None))
    return None if source is None or taken is None else (source, taken.columns["account_id"])


def _names_accounts(
    connection: duckdb.DuckDBPyConnection, source: Source, accounts: tuple[Source, Column] | None
) -> Column | None:
    """The column whose values are accounts' ids, whatever it is called."""
    if accounts is None or accounts[0] is source:
        return None
    found = joins.best(connection, source, *accounts, likely=None)
    return None if found is None or found.share < _SURE else found.column


def _no_times(source: Source) -> str:
    """Columns that are called as times are and hold other numbers: days since something, most likely."""
    named = [
        column
        for column in source.columns
        if column.is_number and column.times is None and kinds.is_called_a_time(column)
    ]
    return "".join(
        f"`{column.name}` holds numbers ({column.lowest:,.0f} to {column.highest:,.0f}), which are no times: if they count "
        f"days, write DATE '2026-01-01' + {column.name} with the day they count from; "
        for column in named
    )


def _decide_outcomes(found: Understood, book: Book) -> None:
    chosen = book.chosen
    written = {part.taken_as for part in found.tables if not part.stops}
    if "label" in written:
        source, taken = next(each for each in chosen if each[1].kind == "label")
        found.outcomes, questions = outcomes.from_labels(happenings.label_names(source, taken))
        found.questions += questions
    elif "subscription" in written:
        found.outcomes = outcomes.from_subscriptions(
            happenings.milestone_kinds(chosen) if "milestone" in written else {}
        )
    elif "milestone" in written:
        found.outcomes = outcomes.from_milestones(happenings.milestone_kinds(chosen))
    else:
        found.outcomes = _from_silence(book)


def _from_silence(book: Book) -> list[str]:
    for source, taken in book.chosen:
        account = book.account(source, taken) if taken.kind == "events" else None
        if account is not None and account.column is not None and (day := events.day(taken)):
            return outcomes.from_silence(*outcomes.silent_days(book.connection, source, account.column, day))
    return outcomes.from_silence(*outcomes.silent_days(book.connection, None, None, ""))


def _warn_of_deliveries(found: Understood, deliveries: list[Delivery]) -> None:
    """What a select joins must lie in one folder."""
    folders = {file.name: delivery.name for delivery in deliveries for file in delivery.files}
    for part in found.parts:
        lie_in = {folders[name] for name in part.files.split(", ") if name in folders}
        if len(lie_in) > 1 and len({PurePosixPath(name).name for name in part.files.split(", ")}) > 1:
            found.questions.append(
                f"{part.files} lie in different folders ({', '.join(sorted(lie_in))}), and a select joins files of one folder: "
                "put them together"
            )

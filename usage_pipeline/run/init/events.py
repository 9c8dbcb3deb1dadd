"""Entries of the mapping's `events`: an export as it comes, or a select over a table."""

import re

from usage_pipeline.events import fields
from usage_pipeline.run.init import joins, roles, selects
from usage_pipeline.run.init.book import Book, Where
from usage_pipeline.run.init.columns import Column, text
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken
from usage_pipeline.run.init.selects import Select, quoted
from usage_pipeline.run.init.understood import Part

_UNITS = (
    (r"(^|_)(ms|msec|millis\w*)(_|$)", 1, "milliseconds"),
    (r"(^|_)(s|secs?|seconds?)(_|$)", 1_000, "seconds"),
    (r"(^|_)(mins?|minutes?)(_|$)", 60_000, "minutes"),
    (r"(^|_)(h|hrs?|hours?)(_|$)", 3_600_000, "hours"),
)
_PROPERTIES, _NAMES = 12, 200


def of_table(source: Source, taken: Taken, book: Book, names: dict[str, int], used: set[str]) -> Part:
    """A table of events, or of counted use, as a select."""
    has = taken.columns
    ts = has["ts"]
    part = Part("events", ", ".join(file.name for file in source.files), source.rows)
    part.has_zone = bool(ts.times and (ts.times.has_zone or ts.times.way == "epoch"))
    part.first, part.last = (ts.times.first, ts.times.last) if ts.times else (None, None)
    account = book.account(source, taken)
    name = Where(selects.ref(has["name"]), column=has["name"]) if "name" in has else book.looked_up(source, used)
    joined = [line for where in (account, name) if where for line in where.joined]
    of = "e" if joined else ""
    select = Select(source.table, joins=joined)
    if "event_id" in has:
        select.add(selects.ref(has["event_id"], of), "event_id")
    else:
        part.missing.append("no column is an id of its own: rows that are alike in every column count once")
    select.add(selects.ref(ts, of), "ts", ts.says_when())
    _times(part, ts)
    received = has.get("received_at")
    if received is not None and received.times is not None and received.times.is_sure:
        select.add(selects.ref(received, of), "received_at", "when a row became known; " + received.says_when())
    user = has.get("user_id")
    if account is None:
        user = _known(part, source, user, book)
    _who(part, select, account, user, of)
    _what(part, select, source, name, has.get("feature"), book, names, of)
    if "quantity" in has:
        select.add(
            selects.ref(has["quantity"], of),
            "quantity",
            f"how many things one row stands for, median {has['quantity'].median:,.0f}",
        )
    if "duration" in has:
        _duration(part, select, has["duration"], of)
    if "session_id" in has:
        select.add(selects.ref(has["session_id"], of), "session_id")
    _properties(select, source, taken, [where.column for where in (account, name) if where], of)
    part.sql = select.sql()
    part.files = ", ".join([part.files, *(file for where in (account, name) if where for file in where.files)])
    return part


def day(taken: Taken) -> str:
    """SQL for the day of a row of the sample; empty where its times are not sure."""
    ts = taken.columns.get("ts")
    if ts is None or ts.times is None or not ts.times.is_sure:
        return ""
    if ts.times.way == "formats":
        return f"TRY_STRPTIME({text(ts.name, ts.type)}, {fields.text(ts.times.formats[0])})"
    return fields.moment(text(ts.name, ts.type))


def _times(part: Part, ts: Column) -> None:
    part.evidence.append(f"`{ts.name}`: {ts.says_when()}")
    if ts.times is None or ts.times.way != "formats":
        return
    if ts.times.is_sure:
        part.keys["time_formats"] = f'"{ts.times.formats[0]}"'
        return
    part.questions.append(
        f"is `{ts.name}` in {part.files} day first or month first? Its values (such as {', '.join(ts.common[:3])}) fit "
        f"{' and '.join(ts.times.formats)}: take one of the lines time_formats"
    )
    part.choices += [f'# time_formats: "{written}"' for written in ts.times.formats]
    part.stops = part.questions[-1]


def _known(part: Part, source: Source, likely: Column | None, book: Book) -> Column | None:
    """The column whose values the table of users holds: by it alone an event that names no account reaches one."""
    held = book.of("user")
    if held is None:
        return likely
    users, of_users = held
    found = joins.best(book.connection, source, users, of_users.columns["user_id"], likely=likely)
    if found is None:
        named = f"of the values of `{likely.name}` less than half are" if likely else "no column's values are"
        part.questions.append(
            f"whose are the rows of {source.name}? No column names an account, and {named} among the people of {users.name}: "
            "name the column that holds their user_id"
        )
        return likely
    part.joins.append(f"{found.in_words}, and {users.name} says whose people are")
    if found.share < joins.WHOLE:
        part.questions.append(found.thin)
    return found.column


def _who(part: Part, select: Select, account: Where | None, user: Column | None, of: str) -> None:
    if account is not None:
        select.add(_said(account, of), "account_id")
        part.joins.append(account.evidence)
        part.questions += [account.question] if account.question else []
    if user is not None:
        select.add(selects.ref(user, of), "user_id", f"{user.distinct:,} people in the sample")
    else:
        part.missing.append("no column says which person it was: the columns about people stay empty")


def _said(where: Where, of: str) -> str:
    """The expression, with the alias that the table has beside others."""
    return where.expression if where.joined or where.column is None else selects.ref(where.column, of)


def _what(
    part: Part,
    select: Select,
    source: Source,
    name: Where | None,
    feature: Column | None,
    book: Book,
    names: dict[str, int],
    of: str,
) -> None:
    if name is None:
        constant = re.sub(r"[^a-z0-9]+", "_", source.table.lower()).strip("_")
        if feature is None:
            part.questions.append(
                f"no column of {source.name} names what was done: every row is called {constant!r}. Is that right?"
            )
            select.add(fields.text(constant), "name", "QUESTION: no column names what was done")
        else:
            select.add("'feature_used'", "name", "the feature says what was done")
        logins: list[str] = []
        named = fields.text(constant)
    else:
        named = name.expression if name.joined else selects.ref(name.column, of) if name.column else name.expression
        found = _event_names(source, name, book)
        for each, count in found.items():
            names[each] = names.get(each, 0) + count
        logins = [each for each in found if roles.is_login(each)]
        told = f"{len(found):,} names: {', '.join(list(found)[:4])}" + (", ..." if len(found) > 4 else "")
        select.add(named, "name", name.evidence + "; " + told if name.evidence else told)
        part.evidence.append(told)
    if feature is not None:
        select.add(selects.ref(feature, of), "feature", f"{feature.distinct:,} features")
    elif logins:
        listed = ", ".join(map(fields.text, logins))
        select.add(
            f"CASE WHEN {named} NOT IN ({listed}) THEN {named} END",
            "feature",
            "no column names a feature: what was done is one, save being there",
        )
    else:
        select.add(named, "feature", "no column names a feature: what was done is one")


def _event_names(source: Source, name: Where, book: Book) -> dict[str, int]:
    table = f"{source.sample} AS e"
    joined = ""
    expression = text(name.column.name, name.column.type) if name.column and not name.joined else name.expression
    if name.joined:
        other = next(each for each in book.lookups if f" {quoted(each.table)} AS code" in name.joined[0])
        joined = " ".join(name.joined).replace(f"JOIN {quoted(other.table)} AS", f"JOIN {other.sample} AS")
    rows = book.connection.execute(
        f"SELECT CAST({expression} AS VARCHAR) AS v, count(*) FROM {table} {joined} GROUP BY ALL HAVING v IS NOT NULL ORDER BY 2 DESC, 1 LIMIT {_NAMES}"
    ).fetchall()
    return {str(value): int(count) for value, count in rows}


def _duration(part: Part, select: Select, duration: Column, of: str) -> None:
    for called, milliseconds, unit in _UNITS:
        if re.search(called, duration.plain):
            times = "" if milliseconds == 1 else f" * {milliseconds}"
            select.add(
                f"{selects.ref(duration, of)}{times}",
                "duration_ms",
                f"{unit} by its name, median {duration.median:,.0f}",
            )
            return
    name = selects.ref(duration, of)
    part.questions.append(
        f"in which unit is `{duration.name}` (median {duration.median:,.1f}, at most {duration.highest:,.0f})? It is not read before you say so"
    )
    part.choices += [
        f"# {name}{times} AS duration_ms  # if {unit}"
        for _, milliseconds, unit in _UNITS
        for times in ("" if milliseconds == 1 else f" * {milliseconds}",)
    ]


def _properties(select: Select, source: Source, taken: Taken, used: list[Column | None], of: str) -> None:
    known = {column.name for column in taken.columns.values()} | {column.name for column in used if column is not None}
    left = [column for column in source.columns if column.name not in known and column.filled and not column.is_address]
    left = [column for column in left if column.distinct > 1 or column.filled < column.rows][:_PROPERTIES]
    if left:
        listed = ", ".join(f"{fields.text(column.plain)}, {selects.ref(column, of)}" for column in left)
        select.add(f"json_object({listed})", "properties")

"""Entries of the mapping's `tables`: one select per table of `sources`."""

import re

from usage_pipeline.events import fields
from usage_pipeline.mapping import ready
from usage_pipeline.run.init import happenings, joins, selects, terms
from usage_pipeline.run.init.book import Book
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken
from usage_pipeline.run.init.selects import Select
from usage_pipeline.run.init.understood import Part

_ACCOUNT = (
    "account_id",
    "name",
    "domain",
    "industry",
    "country",
    "employees",
    "time_zone",
    "parent_id",
    "owner_email",
    "created_at",
)
_USER = ("user_id", "email", "role", "created_at")
_EXPORTS = {"stripe": "Stripe", "zendesk": "Zendesk", "nps": "a survey tool"}
_USEFUL = {
    "account": {
        "created_at": "when each signed up: an account's age counts from its first event",
        "domain": "the domain, by which a CRM record may be found",
        "owner_email": "who looks after it",
    },
    "subscription": {"mrr": "what is paid", "seats": "seats", "renews_on": "when a term ends"},
    "ticket": {
        "closed_at": "when it was closed",
        "priority": "how urgent it was",
        "satisfaction": "how content the customer was",
    },
}
_NPS, _CSAT = 10, 5


# More than any table is told by its columns' names: an export is told by those that only its tool writes.
_SURELY = 100


def as_exported(source: Source, may_be: list[Taken]) -> Taken | None:
    """The table as an export that a ready select reads; None for any other."""
    told = ready.recognised({column.name for column in source.columns})
    if told is None or not ready.is_file_name(source.table):
        return None
    guessed = next((taken.columns for taken in may_be if taken.kind == told[0]), {})
    return Taken(told[0], guessed, _SURELY)


def part(source: Source, taken: Taken, book: Book) -> Part:
    """One table as it would be written."""
    told = ready.recognised({column.name for column in source.columns})
    if told is not None and taken.points == _SURELY:
        return _of_export(source, told[1], taken, book)
    made = Part(taken.kind, ", ".join(file.name for file in source.files), source.rows)
    made.missing += [words for name, words in _USEFUL.get(taken.kind, {}).items() if name not in taken]
    _look_at_times(made, source, taken)
    _BUILD[taken.kind](made, source, taken, book)
    return made


def _of_export(source: Source, form: ready.Format, taken: Taken, book: Book) -> Part:
    """An export by its format, with the column that says whose its rows are."""
    made = Part(taken.kind, ", ".join(file.name for file in source.files), source.rows)
    made.evidence.append(f"its columns are those of {_EXPORTS[form]}'s export")
    made.keys = {"format": form, "file": f'"{source.table}"'}
    by_name = {column.name: column for column in source.columns if column.filled}
    stated = [by_name[name] for name in ready.of_account(taken.kind, form) if name in by_name]
    accounts = book.of("account")
    found = None
    if accounts is not None:
        other, of_accounts = accounts
        key = of_accounts.columns["account_id"]
        others = [key, *(column for column in other.columns if column.is_unique and column is not key)]
        found = next(
            (
                (column, each, joined)
                for column in stated
                for each in others
                if (joined := joins.join(book.connection, source, column, other, each)) is not None
            ),
            None,
        )
        if found is not None:
            column, each, joined = found
            made.keys["account"] = f'"{column.name}"'
            made.joins.append(joined.in_words)
            if each is not key:
                made.keys["found_in"] = f'"{other.table}.{each.name}.{key.name}"'
    if found is None:
        named = f"`{stated[0].name}`" if stated else "none"
        made.questions.append(
            f"whose are the rows of {source.name}? Taken as the account: {named}, whose values are in no file of accounts. "
            "Name the column in `account`, and in `found_in: accounts.COLUMN` where a file of accounts has it"
        )
    given = {name: value.strip('"') for name, value in made.keys.items()}
    made.sql = ready.select(taken.kind, given)
    return made


def _look_at_times(made: Part, source: Source, taken: Taken) -> None:
    for name, column in taken.columns.items():
        times = column.times
        if times is None:
            continue
        made.evidence.append(f"`{column.name}`: {column.says_when()}")
        made.has_zone = made.has_zone and (times.has_zone or times.way == "epoch")
        if times.first is not None and name in _BEGINS:
            made.first, made.last = times.first, times.last
        if not times.is_sure:
            made.questions.append(
                f"is `{column.name}` in {source.name} day first or month first? Its values (such as "
                f"{', '.join(column.common[:3])}) fit {' and '.join(times.formats)}; {name} is left out until you say so"
            )
            made.choices += [
                f"# strptime({selects.quoted(column.name)}, '{written}') AS {name}" for written in times.formats
            ]
            if name in _NEEDED.get(taken.kind, ()):
                made.stops = made.questions[-1]


_BEGINS = {"created_at", "opened_at", "answered_at", "happened_at", "as_of", "started", "changed_at"}
_NEEDED = {"ticket": ("opened_at",), "survey": ("answered_at",), "milestone": ("happened_at",), "label": ("as_of",)}


def _of_account(made: Part, source: Source, taken: Taken, _: Book) -> None:
    key = taken.columns["account_id"]
    made.evidence.insert(0, f"`{key.name}` is different in each of {key.rows:,} rows")
    made.sql = selects.plain(taken, source, _ACCOUNT).sql()


def _of_user(made: Part, source: Source, taken: Taken, book: Book) -> None:
    select = selects.plain(taken, source, _USER)
    happenings.add_account(made, select, source, taken, book)
    made.sql = select.sql()


def _of_subscription(made: Part, source: Source, taken: Taken, book: Book) -> None:
    account = book.account(source, taken)
    if account is None or account.joined:
        made.stops = f"no column of {source.name} names an account of the folder: add one, or write the select by hand"
        return
    if terms.is_of_bills(source) and not {"ended", "changed_at"} & set(taken.columns):
        made.stops = (
            f"{source.name} holds bills that do not say until when they run: add period_start and period_end, or a table of "
            "subscriptions with their status"
        )
        return
    made.joins.append(account.evidence)
    made.questions += [account.question] if account.question else []
    made.sql = terms.subscription(taken, source, account.expression)
    if "mrr" in taken and not re.search("minor|cents", taken.columns["mrr"].plain):
        made.questions.append(
            f"is `{taken.columns['mrr'].name}` in whole units of money? Taken so; if it counts cents, leave out * 100"
        )
    if "plan" in taken and "plan_rank" not in taken and taken.columns["plan"].distinct > 1:
        plans = taken.columns["plan"]
        whens = " ".join(f"WHEN {fields.text(plan)} THEN {rank}" for rank, plan in enumerate(plans.common))
        made.questions.append(
            f"which plan is higher ({', '.join(plans.common)})? Without plan_rank a change of plan alone is neither up nor down"
        )
        made.choices.append(f"# CASE {selects.quoted(plans.name)} {whens} END AS plan_rank  # put these in order")
    if "status" in taken and (unknown := terms.unknown_states(taken.columns["status"])):
        made.questions.append(
            f"which of active, trial and cancelled is {', '.join(unknown)}? Until you say so it is none of them"
        )


def _of_ticket(made: Part, source: Source, taken: Taken, book: Book) -> None:
    select = selects.plain(taken, source, ("ticket_id",))
    if not happenings.add_account(made, select, source, taken, book):
        return
    for name in ("opened_at", "closed_at"):
        column = taken.columns.get(name)
        if column is not None and column.times is not None and column.times.is_sure:
            select.add(selects.moment(column), name, column.says_when())
    if "priority" in taken:
        select.add(
            selects.priority(taken.columns["priority"]),
            "priority",
            f"found: {', '.join(taken.columns['priority'].common)}",
        )
    if "satisfaction" in taken and (rating := selects.satisfaction(taken.columns["satisfaction"])):
        select.add(rating, "satisfaction", "1 to 5")
    made.sql = select.sql()


def _of_survey(made: Part, source: Source, taken: Taken, book: Book) -> None:
    score, answered = taken.columns["score"], taken.columns["answered_at"]
    select = Select(source.table)
    account = book.account(source, taken)
    who = taken.columns.get("user_id")
    if "response_id" in taken:
        select.add(selects.ref(taken.columns["response_id"]), "response_id")
    else:
        named = selects.ref(who) if who is not None else account.expression if account else "''"
        select.add(
            f"concat_ws('/', {named}, {selects.quoted(answered.name)})", "response_id", "no column is an id of its own"
        )
    if not happenings.add_account(made, select, source, taken, book):
        return
    if who is not None and not who.is_address:
        select.add(selects.ref(who), "user_id")
    if "kind" in taken and {value.lower() for value in taken.columns["kind"].common} <= {"nps", "csat"}:
        select.add(f"lower({selects.ref(taken.columns['kind'])})", "kind")
    else:
        is_csat = (score.highest or 0) <= _CSAT
        kind = "csat" if is_csat else "nps"
        select.add(fields.text(kind), "kind", f"scores from {score.lowest:.0f} to {score.highest:.0f}")
        if is_csat and "csat" not in f"{source.table} {score.name}".lower():
            made.questions.append(
                f"is {source.name} csat (1 to 5) or nps (0 to 10)? Taken as csat: no score is above {_CSAT}"
            )
    select.add(selects.ref(score), "score")
    if answered.times is not None and answered.times.is_sure:
        select.add(selects.moment(answered), "answered_at", answered.says_when())
    made.sql = select.sql()


_BUILD = {
    "account": _of_account,
    "user": _of_user,
    "subscription": _of_subscription,
    "ticket": _of_ticket,
    "survey": _of_survey,
    "milestone": happenings.of_milestone,
    "label": happenings.of_label,
}


def accounts_of_events(chosen: list[tuple[Source, Taken]], book: Book, events: list[Part]) -> list[Part]:
    """Where no table holds the accounts: those that the events name, since the first of their events."""
    for source, taken in chosen:
        ts = taken.columns.get("ts")
        if taken.kind != "events" or ts is None or ts.times is None or not ts.times.is_sure:
            continue
        account = book.account(source, taken)
        if account is None:
            continue
        made = Part("account", ", ".join([*(file.name for file in source.files), *account.files]), None)
        of = "e" if account.joined else ""
        select = Select(source.table, joins=account.joined)
        named = account.expression if account.joined or account.column is None else selects.ref(account.column, of)
        select.add(named, "account_id")
        select.add(f"CAST({named} AS VARCHAR)", "name")
        select.add(
            f"min({selects.moment(ts, of, as_moment=True)})",
            "created_at",
            "no file holds accounts: each begins with its first event",
        )
        received = taken.columns.get("received_at")
        if received is not None and received.times is not None and received.times.is_sure:
            known = selects.moment(received, of, as_moment=True)
            select.add(f"min(greatest({selects.moment(ts, of, as_moment=True)}, {known}))", "known_at")
        select.where, select.group = f"{named} IS NOT NULL", "ALL"
        made.sql = select.sql()
        made.missing.append("a file of accounts, with their names, domains and sign-ups")
        return [made]
    if events:
        events[0].missing.append("a file of accounts: without one the sandbox's CRM has no companies to write to")
    return []

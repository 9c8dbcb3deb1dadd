"""What the folder's tables are to one another: whose rows a column of another table names."""

from dataclasses import dataclass, field

import duckdb

from usage_pipeline.run.init import joins, selects
from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source
from usage_pipeline.run.init.kinds import Taken

# A way round needs more than a direct name.
_THROUGH = 0.8
_LOOKED_UP_ROWS = 1_000


@dataclass
class Where:
    """How a table's rows name something that may lie in another table."""

    expression: str
    joined: list[str] = field(default_factory=list)
    evidence: str = ""
    question: str = ""
    files: list[str] = field(default_factory=list)
    """Further files that the select reads."""
    column: Column | None = None


@dataclass
class Book:
    """The tables that were taken as something, and those that were not."""

    connection: duckdb.DuckDBPyConnection
    chosen: list[tuple[Source, Taken]]
    lookups: list[Source]

    def of(self, kind: str) -> tuple[Source, Taken] | None:
        return next((each for each in self.chosen if each[1].kind == kind), None)

    def account(self, source: Source, taken: Taken) -> Where | None:
        """How the rows say whose they are; None where they do not."""
        likely = taken.columns.get("account_id")
        accounts = self.of("account")
        if accounts is not None:
            other, of_accounts = accounts
            found = joins.best(self.connection, source, other, of_accounts.columns["account_id"], likely=likely)
            if found is not None:
                return Where(
                    selects.ref(found.column), evidence=found.in_words, question=_thin(found), column=found.column
                )
        through = self._through(source, taken)
        if through is not None:
            return through
        if likely is None:
            return self._person_as_account(taken)
        where = Where(
            selects.ref(likely), evidence=f"`{likely.name}` by its name, {likely.distinct:,} values", column=likely
        )
        if accounts is not None:
            where.question = f"of the values of `{likely.name}` ({', '.join(likely.common[:3])}) less than half are in {accounts[0].name}: is it the account?"
        return where

    def _person_as_account(self, taken: Taken) -> Where | None:
        """Where nothing knows of accounts, each person may be a customer."""
        user = taken.columns.get("user_id")
        if user is None or taken.kind != "events" or self.of("account") is not None or self.of("user") is not None:
            return None
        return Where(
            selects.ref(user),
            evidence=f"`{user.name}` stands for the account, {user.distinct:,} values",
            question=f"no column names an account, and no file says whose people are: each `{user.name}` is taken as a "
            "customer. Is that right? If not, add a table of users with user_id and account_id",
            column=user,
        )

    def _through(self, source: Source, taken: Taken) -> Where | None:
        """By way of a subscription, a person, or an account's name or domain."""
        likely_user = taken.columns.get("user_id")
        for kind, keys in (
            ("subscription", ("subscription_id",)),
            ("user", ("user_id", "email")),
            ("account", ("name", "domain")),
        ):
            held = self.of(kind)
            if held is None or held[0] is source or "account_id" not in held[1]:
                continue
            # An event that names its person needs no more: the table of users says whose they are.
            if kind == "user" and taken.kind == "events":
                continue
            other, of_other = held
            for key in (of_other.columns[name] for name in keys if name in of_other):
                likely = (
                    likely_user
                    if kind == "user"
                    else next((column for column in source.columns if column.plain == key.plain), None)
                )
                if kind == "account":
                    likely = taken.columns.get("account_id") or likely
                found = joins.best(self.connection, source, other, key, likely=likely)
                if found is None or found.share < _THROUGH:
                    continue
                of_account = of_other.columns["account_id"]
                table, inner = selects.quoted(other.table), selects.quoted(key.name)
                account = selects.quoted(of_account.name)
                return Where(
                    "via.of_account",
                    [
                        f"LEFT JOIN (SELECT DISTINCT {inner} AS of_key, {account} AS of_account FROM {table}) AS via",
                        f"  ON CAST(e.{selects.quoted(found.column.name)} AS VARCHAR) = CAST(via.of_key AS VARCHAR)",
                    ],
                    evidence=f"{found.in_words}, and `{other.table}.{of_account.name}` names the account",
                    question=_thin(found),
                    files=[file.name for file in other.files],
                )
        return None

    def looked_up(self, source: Source, used: set[str]) -> Where | None:
        """Names in a small table of codes and names that nothing else was made of."""
        for other in self.lookups:
            codes = [column for column in other.columns if column.is_unique and column.times is None]
            names = [column for column in codes if not column.is_number]
            for code in codes:
                for column in source.columns:
                    other_names = [name for name in names if name is not code]
                    if other.rows > _LOOKED_UP_ROWS or not other_names or column.plain != code.plain:
                        continue
                    found = joins.join(self.connection, source, column, other, code)
                    if found is None:
                        continue
                    used.add(other.table)
                    key = selects.quoted(code.name)
                    return Where(
                        f"code.{selects.quoted(other_names[0].name)}",
                        [
                            f"LEFT JOIN {selects.quoted(other.table)} AS code",
                            f"  ON e.{selects.quoted(column.name)} = code.{key}",
                        ],
                        evidence=found.in_words,
                        files=[file.name for file in other.files],
                        column=column,
                    )
        return None


def _thin(found: joins.Join) -> str:
    return "" if found.share >= joins.WHOLE else found.thin

"""What DuckDB alone knows, asked of it within Spark's workers: the same answer, because it is the same code.

Zones of the world, text out of JSON and numbers out of text differ between engines in their
corners: which zones exist, how 1e3 is written, whether 1_000 is a number. These functions have
in Spark the names that the stages (or the dialect) call them by, and hand each batch of rows
to a DuckDB in the worker's own process.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf

# name -> (SQL over the arguments a0 and a1, type of the answer). A zone is only tried in one form of time.
_PAIRS = {
    "timezone": ("timezone(a0, a1 AT TIME ZONE 'UTC')", "timestamp_ntz"),
    "try_strptime": ("CAST(try_strptime(a0, '%Y-%m-%d %H:%M:%S %Z') AS TIMESTAMP)", "timestamp_ntz"),
    # Spark asks for every row, also where a condition around it says that it need not: what is no JSON must not stop it.
    "json_extract_string": ("CASE WHEN json_valid(a0) THEN json_extract_string(a0, a1) END", "string"),
}
_SINGLES = {
    "json_valid": ("json_valid(a0)", "boolean"),
    "read_decimal": ("TRY_CAST(a0 AS DECIMAL(18, 6))", "decimal(18, 6)"),
    "read_double": ("TRY_CAST(a0 AS DOUBLE)", "double"),
}


def register(session: SparkSession) -> None:
    """Make the functions known to a session."""
    by_batch: Any = pandas_udf
    for name, (sql, kind) in _PAIRS.items():
        session.udf.register(name, by_batch(_of_two(_answering(sql)), kind))
    for name, (sql, kind) in _SINGLES.items():
        session.udf.register(name, by_batch(_of_one(_answering(sql)), kind))


# Functions within functions: Spark sends these to its workers by value, so that no worker needs this package.
def _answering(sql: str) -> Callable[..., pd.Series]:
    def answer(*columns: Any) -> pd.Series:
        import duckdb  # noqa: PLC0415 - in the worker
        import pyarrow as pa  # noqa: PLC0415

        held = {f"a{number}": pa.Array.from_pandas(column) for number, column in enumerate(columns)}
        texts = {name: kept.cast("string") if pa.types.is_null(kept.type) else kept for name, kept in held.items()}
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("asked", pa.table(texts))
            told = connection.execute(f"SELECT {sql} AS answer FROM asked").to_arrow_table()
        answers: pd.Series = told["answer"].to_pandas()
        return answers

    return answer


def _of_one(answer: Callable[..., pd.Series]) -> Callable[[pd.Series], pd.Series]:
    def of_one(first: pd.Series) -> pd.Series:
        return answer(first)

    return of_one


def _of_two(answer: Callable[..., pd.Series]) -> Callable[[pd.Series, pd.Series], pd.Series]:
    def of_two(first: pd.Series, second: pd.Series) -> pd.Series:
        return answer(first, second)

    return of_two

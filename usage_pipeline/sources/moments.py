"""Times as people write them, to naive UTC, in DuckDB SQL."""


def utc(column: str) -> str:
    """SQL for `column` (text, day, time with or without a zone) as naive UTC; NULL where it is no time.

    What names no zone is in the connection's own, which `querying.connection` sets to that of
    the mapping. By way of TIMESTAMPTZ: a cast of "10:00+02:00" to TIMESTAMP would drop the
    offset without a word.
    """
    return f"TRY(make_timestamp(epoch_us(TRY_CAST({column} AS TIMESTAMPTZ))))"

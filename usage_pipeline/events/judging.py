"""Rows judged by SQL that is planned once: valid events, calls that say who is who, and refused rows."""

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.events import catalogue, cleaning
from usage_pipeline.events.batches import Batch, Part
from usage_pipeline.events.cleaning import Origin

# Below it, looking for the valid events first is not worth its own query.
_FEW_ROWS = 4_000


class _Lines:
    """Rows that change under a query that is planned once, which takes as long as judging some thousand rows."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class Judge:
    """One connection that judges tables of rows, all with the same columns, one after the other.

    Of `stated`, SQL from `lines` to rows as stated, `trusting` is a variant that may fail and may leave rows out.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch: Batch,
        origin: Origin,
        *,
        stated: str,
        trusting: str | None = None,
    ) -> None:
        self._connection = connection
        self._batch = batch
        self._sql = {
            "all_rows": cleaning.cleaned(stated, origin),
            "events": cleaning.events(trusting or stated, origin),
        }
        self._lines: _Lines | None = None
        self._prepared: set[str] = set()

    def judged(self, rows: pa.Table, first_line: int) -> Part:
        """The rows told apart: first the valid events, which nearly all are, then what is left, which takes more."""
        if rows.num_rows < _FEW_ROWS:
            return told_apart(self._run("all_rows", rows), self._batch, first_line)
        try:
            events = self._run("events", rows)
        except duckdb.Error:
            # Some line that looks like JSON is none. An error that is not about the rows comes again.
            return told_apart(self._run("all_rows", rows), self._batch, first_line)
        left = rows.filter(pc.invert(pc.is_in(rows["line"], value_set=events["line"])))
        rest = told_apart(self._run("all_rows", left), self._batch, first_line)
        return replace(rest, events=pa.concat_tables([events, rest.events]) if rest.events.num_rows else events)

    def _run(self, query: str, rows: pa.Table) -> pa.Table:
        if self._lines is None:
            self._lines = _Lines(rows)
            self._connection.register("lines", self._lines)
        self._lines.rows = rows
        if query not in self._prepared:
            self._connection.execute(f"PREPARE {query} AS {self._sql[query]}")
            self._prepared.add(query)
        return self._connection.execute(f"EXECUTE {query}").to_arrow_table()


def told_apart(judged: pa.Table, batch: Batch, first_line: int) -> Part:
    """The part of rows that `cleaning.cleaned` judged."""
    sound = pc.is_null(judged["reason"])
    is_event = pc.fill_null(pc.equal(judged["kind"], "event"), fill_value=False)
    told = judged.drop_columns(["reason", "detail", "raw"])
    refused = judged.filter(pc.invert(sound)).select(["line", "reason", "detail", "raw"])
    return Part(
        first_line,
        told.filter(pc.and_(sound, is_event)),
        told.filter(pc.and_(sound, pc.invert(is_event))),
        rejected(refused, batch),
    )


def rejected(rows: pa.Table, batch: Batch) -> pa.Table:
    """Rows of REJECTED: `line`, `reason`, `detail` and `raw`, with where they are from."""
    schema = catalogue.REJECTED.schema.to_pyarrow()
    same: dict[str, Any] = {"batch": batch.digest, "file": batch.name, "landed_at": batch.landed_at}
    columns = [
        pa.repeat(pa.scalar(same[each.name], each.type), rows.num_rows)
        if each.name in same
        else rows[each.name].cast(each.type)
        for each in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)

"""An export as Parquet: each row as the JSON line it would have been."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.events.lines import LINES, BadLine, Block
from usage_pipeline.events.reasons import Reason
from usage_pipeline.events.unpacking import CutOffError, verdict

# Some tens of MB of text, as in a block of lines.
_ROWS = 20_000


def blocks(path: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[Block]:
    """All rows of the file in blocks, a row's number in place of a line's."""
    number = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                connection.register("rows_of_parquet", pa.Table.from_batches([batch]))
                raw = connection.execute(
                    "SELECT CAST(to_json(rows_of_parquet) AS VARCHAR) AS raw FROM rows_of_parquet"
                ).to_arrow_table()["raw"]
                connection.unregister("rows_of_parquet")
                lines = pa.array(range(number, number + len(raw)), pa.int64())
                yield Block(pa.table([lines, raw.cast(pa.string())], schema=LINES), first_line=number)
                number += len(raw)
    # Of a damaged page pyarrow raises an OSError, of a damaged foot an ArrowInvalid.
    except (OSError, pa.ArrowException) as damaged:
        said = verdict(damaged)
        if not isinstance(said, CutOffError):
            raise said from damaged
        bad = BadLine(number, Reason.CUT_OFF, "", str(said))
        yield Block(LINES.empty_table(), [bad], number)

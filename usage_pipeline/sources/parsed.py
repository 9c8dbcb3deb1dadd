"""What was read from a delivery's files, kept: a file that did not change is parsed once.

The name of what is kept says all that it was made from (the files' content, the select, how
times are read), so nothing here can be out of date; it may be deleted at any time.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.home import replaced

# To be raised when the same files and the same select give other rows than before.
LAYOUT = 2


class Kept:
    """The parsed rows of one table's deliveries, as Parquet files in a folder; without a folder nothing is kept."""

    def __init__(self, state: Path | None, table: str) -> None:
        self.folder = None if state is None else state / "parsed" / table
        self.used: set[str] = set()

    def rows(self, made_from: tuple[object, ...], parse: Callable[[], pa.Table]) -> pa.Table:
        """The rows made from all of `made_from`: as kept, else parsed and kept."""
        if self.folder is None:
            return parse()
        name = f"{sha256(repr((LAYOUT, *made_from)).encode()).hexdigest()[:32]}.parquet"
        self.used.add(name)
        path = self.folder / name
        try:
            return pq.read_table(path, partitioning=None)
        except FileNotFoundError:
            rows = parse()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replaced(path) as aside:
            pq.write_table(rows, aside)
        return rows

    def forget_others(self) -> None:
        """Delete what no delivery needs any more."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in self.folder.glob("*.parquet"):
            if path.name not in self.used:
                path.unlink(missing_ok=True)

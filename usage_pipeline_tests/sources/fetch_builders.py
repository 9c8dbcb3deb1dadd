"""A source that lies elsewhere, fetched into a landing folder, and what came of it."""

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from usage_pipeline.company import Fetch
from usage_pipeline.sources import fetching, landing

NOW = datetime(2026, 5, 4, 8)


class Elsewhere:
    """One source and the landing folder it is brought to."""

    def __init__(self, tmp_path, variables, **keys):
        self.fetch = Fetch(**{"name": "usage", **keys})
        self.landing = tmp_path / "landing"
        self.landing.mkdir(exist_ok=True)
        self.state = tmp_path / "fetched"
        self.variables = variables
        self.said = []
        self.told = None
        """What to do whenever progress is told."""

    def bring(self, now=NOW):
        [brought] = fetching.fetch(
            (self.fetch,),
            self.landing,
            state=self.state,
            variables=self.variables,
            now=now,
            progress=self._hear,
        )
        return brought

    def _hear(self, source, words):
        self.said.append((source, words))
        if self.told:
            self.told()

    def waiting(self, now=NOW):
        (waiting,) = fetching.waiting((self.fetch,), self.landing, state=self.state, variables=self.variables, now=now)
        return waiting

    def with_(self, **keys):
        """The same landing folder and memory, another mapping."""
        self.fetch = Fetch(**(self.fetch.model_dump(exclude_unset=True) | keys))
        return self

    def deliveries(self, now=NOW):
        return landing.deliveries(self.landing, now=now)

    def files(self):
        return {file.name: file.path.read_bytes() for delivery in self.deliveries() for file in delivery.files}

    def rows(self):
        """Every row that has landed, in order of its delivery."""
        tables = [pq.read_table(file.path, partitioning=None) for each in self.numbered() for file in each.files]
        return [row for table in tables for row in table.to_pylist()]

    def numbered(self):
        return sorted(self.deliveries(), key=lambda delivery: delivery.name)

    def schema(self) -> pa.Schema:
        (file,) = self.numbered()[-1].files
        return pq.read_schema(file.path)

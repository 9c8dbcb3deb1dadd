"""Where: one Delta table per `<stage>/<table>`, replaced a partition at a time.

Tables are written and read through delta-rs (atomic commits, no server); the engine scans
the file list of one table version, so a reader never sees half of a write. Where the
engine is a cluster its workers write the files of a table, and one commit names them.

tables        what a table is
store         reading and writing it
transactions  which batches went into it
amending      single rows taken out or changed
upkeep        small files together, what is past its time gone
views         all tables as views of one DuckDB file
"""

from usage_pipeline.lake.store import Lake
from usage_pipeline.lake.tables import Column, Span, Table, Written
from usage_pipeline.lake.views import write_views

__all__ = ["Column", "Lake", "Span", "Table", "Written", "write_views"]

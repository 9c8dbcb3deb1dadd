"""What the lake holds of each landed file, against the file's account in `events/batch`."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from usage_pipeline.engine import whole
from usage_pipeline.events import catalogue
from usage_pipeline.lake import Lake, upkeep

HOLDING = (catalogue.REJECTED, catalogue.IDENTITY_CALL, catalogue.EVENT)
"""Each row of a file is in one of these."""


def agrees(lake: Lake, batches: ir.Table) -> bool:
    """Whether there are as many rows as `batches` received, all together: asked of the tables' logs, no file is read."""
    received = lake.backend.to_pyarrow(batches["received"].sum().fill_null(0)).as_py()
    return bool(received == sum(lake.rows(table) for table in HOLDING))


def unlike(lake: Lake, batches: ir.Table) -> int:
    """How many of `batches` the lake holds more or fewer rows of than they received.

    Files are looked at one by one only where the sums do not agree: while another run lands some, and once days
    are past their time. Files with such days are left out.
    """
    if agrees(lake, batches):
        return 0
    since = upkeep.kept_since(lake, catalogue.EVENT)
    if since is not None:
        first = batches["first_known_day"]
        batches = batches.filter(first.isnull() | (first >= ibis.literal(since)))
    held = ibis.union(*(lake.read(table).select("batch") for table in HOLDING), distinct=False)
    counted = held.group_by(of="batch").aggregate(held=whole(held.count()))
    beside = batches.left_join(counted, batches["batch"] == counted["of"])
    found = beside.filter(beside["held"].fill_null(0) != beside["received"]).count()
    return int(lake.backend.to_pyarrow(found).as_py())


def unlisted(lake: Lake) -> dict[str, pa.Table]:
    """By table the batches of which it holds rows though `events/batch` does not list them; EVENT with their days."""
    batches = lake.read(catalogue.BATCH)
    if agrees(lake, batches):
        return {}
    listed = batches.select("batch").distinct()
    found = {}
    for table in HOLDING:
        rows = lake.read(table).anti_join(listed, "batch")
        names = ["batch"] if table.partition is None else ["batch", table.partition]
        found[table.key] = lake.backend.to_pyarrow(rows.select(*names).distinct())
    return found

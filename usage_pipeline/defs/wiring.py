"""What the definitions share: resources and the executor."""

import dagster as dg
from dagster_duckdb import DuckDBResource

from usage_pipeline.defs.io_manager import LakeIO
from usage_pipeline.defs.place import Place


@dg.definitions
def wiring() -> dg.Definitions:
    """Resources, and one process for all steps: the engines inside are parallel, starting processes is not."""
    place = Place(duckdb=DuckDBResource(database=":memory:"))
    return dg.Definitions(
        resources={"place": place, "io_manager": LakeIO(place=place)}, executor=dg.in_process_executor
    )

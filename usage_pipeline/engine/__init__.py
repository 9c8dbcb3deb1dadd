"""With what: DuckDB embedded, or Spark when one machine is outgrown, both spoken to through Ibis.

formulas      what engines disagree about, once for all of them
embedded      DuckDB in this process
holding       rows kept under a name
cluster       what the lake asks of an engine of many machines
spark         Spark as such an engine: its session (`session`), its dialect (`spark_dialect`),
              and what is asked of DuckDB in its workers (`asked`)
stored        the files that a cluster wrote, as a Delta table wants them named

Spark is imported only where it is asked for.
"""

from usage_pipeline.engine.embedded import Backend, connect, over
from usage_pipeline.engine.formulas import quintile, ratio, whole
from usage_pipeline.engine.holding import as_is, held, holding

__all__ = ["Backend", "as_is", "connect", "held", "holding", "over", "quintile", "ratio", "whole"]

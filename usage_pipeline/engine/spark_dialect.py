"""What Ibis says in Spark's SQL, where its own words do not reach."""

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.backends.sql.compilers.pyspark import PySparkCompiler


class Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis's compiler for Spark, and the two things that the stages need beyond it."""

    __slots__ = ()

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802 - Ibis finds it by this name
        """A number out of text is what DuckDB reads in it (`asked`)."""
        read = _READ.get(to.copy(nullable=True)) if op.arg.dtype.is_string() else None
        return super().visit_TryCast(op, arg=arg, to=to) if read is None else self.f.anon[read](arg)

    def visit_WindowFunction(self, op: Any, *, func: Any, group_by: Any, order_by: Any, **how: Any) -> Any:  # noqa: N802 - Ibis finds it by this name
        """A distinct count over a window is the size of the set: Spark has no DISTINCT there."""
        if not isinstance(op.func, ops.CountDistinct):
            return super().visit_WindowFunction(op, func=func, group_by=group_by, order_by=order_by, **how)
        (counted,) = func.this.expressions
        collected = self.f.collect_set(counted)
        return self.f.size(
            super().visit_WindowFunction(op, func=collected, group_by=group_by, order_by=order_by, **how)
        )


_READ = {dt.Decimal(18, 6): "read_decimal", dt.float64: "read_double"}

"""Spark through Ibis: its workers read and write the lake's files, and DuckDB's answers are its own."""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend as Base
from pyspark.sql import DataFrame, SparkSession, functions
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from usage_pipeline.engine import asked
from usage_pipeline.engine.session import open_session
from usage_pipeline.engine.spark_dialect import Compiler


class Spark(Base):  # type: ignore[misc]
    """Ibis's Spark, with Arrow both ways and temporary tables; a `Cluster`."""

    compiler = Compiler()
    _session: SparkSession

    @cached_property
    def _frames(self) -> Any:
        """Makes frames of rows: what is unknown is to look as it does when DuckDB read it."""
        return ibis.duckdb.connect()

    def scan(self, files: list[str], schema: pa.Schema, *, partition: str | None) -> ir.Table:
        """The rows of Parquet files; the partition, always a date, is read off each file's path."""
        held = [field for field in schema if field.name != partition]
        # Given a schema, Spark opens no file before it must; and it looks for no partitions, as every write has
        # a folder of its own above them.
        reader = self._session.read.schema(_types(pa.schema(held))).option("recursiveFileLookup", "true")
        rows = reader.parquet(*(_url(file) for file in files))
        if partition is not None:
            # A day's text has one length, and cutting it out of every row's path is cheaper than a pattern.
            path, mark = functions.col("_metadata.file_path"), f"/{partition}="
            begin = functions.locate(mark, path) + len(mark)
            value = functions.substr(path, begin, functions.lit(len("2026-01-01")))
            rows = rows.select("*", value.cast(_types(schema)[partition].dataType).alias(partition))
        return self._named(ibis.util.gen_name("scan"), rows)

    def store(self, rows: ir.Table, folder: str, schema: pa.Schema, *, partition: str | None) -> None:
        """Write rows below `folder`; each partition by as few tasks as its size allows."""
        wanted = _types(schema)
        found = self._rows(rows).select([functions.col(field.name).cast(field.dataType) for field in wanted])
        if partition is None:
            found.write.parquet(_url(folder))
        else:
            found.hint("rebalance", partition).write.partitionBy(partition).parquet(_url(folder))

    def create_table(
        self, name: str, /, obj: Any = None, *, temp: bool | None = None, overwrite: bool = False, **how: Any
    ) -> ir.Table:
        """A temporary table is kept by the workers, in memory as far as it fits, until the next of its name."""
        if not temp:
            return super().create_table(name, obj, temp=temp, overwrite=overwrite, **how)
        rows = self._of_arrow(obj) if isinstance(obj, pa.Table) else self._rows(obj)
        if overwrite and name in self._cached_dataframes:
            self._cached_dataframes.pop(name).unpersist()
        self._cached_dataframes[name] = rows.persist()
        return self._named(name, rows)

    def drop_table(self, name: str, /, *, force: bool = False, **how: Any) -> None:
        """A temporary table is let go by the workers."""
        if name not in self._cached_dataframes:
            super().drop_table(name, force=force, **how)
            return
        self._cached_dataframes.pop(name).unpersist()
        self._session.catalog.dropTempView(name)

    def to_pyarrow(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Rows as Arrow; Ibis would make a frame of them on the way, which loses integers beside NULL."""
        return expr.__pyarrow_result__(self._arrow(expr, params=params, limit=limit))

    def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Rows as a frame of the same types as DuckDB's."""
        rows = self._arrow(expr, params=params, limit=limit)
        return expr.__pandas_result__(self._frames.execute(ibis.memtable(rows, schema=expr.as_table().schema())))

    def _arrow(self, expr: ir.Expr, **how: Any) -> pa.Table:
        schema = expr.as_table().schema().to_pyarrow()
        return self._rows(expr, **how).toArrow().rename_columns(schema.names).cast(schema)

    def _rows(self, expr: ir.Expr, **how: Any) -> DataFrame:
        self._run_pre_execute_hooks(expr)
        return self._session.sql(self.compile(expr.as_table(), **how))

    def _of_arrow(self, rows: pa.Table) -> DataFrame:
        return self._session.createDataFrame(rows, schema=_types(rows.schema))

    def _register_in_memory_table(self, op: Any) -> None:
        self._of_arrow(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)

    def _named(self, name: str, rows: DataFrame) -> ir.Table:
        rows.createOrReplaceTempView(name)
        return self.table(name)


def connect(master: str, *, memory: str) -> Spark:
    """Ibis over the process's Spark session, started if there is none."""
    session = open_session(master, memory=memory)
    asked.register(session)
    Base.register_options()
    backend = Spark()
    backend.do_connect(session)
    return backend


def _types(schema: pa.Schema) -> StructType:
    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def _url(file: str) -> str:
    """A path with its protocol: a cluster's own file system may be another."""
    return file if urlsplit(file).scheme else f"file://{file}"

"""A Spark session that means the same by its SQL as DuckDB does; one per process."""

import logging
import os
import sys

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from usage_pipeline.errors import Rejected, Unavailable

# Times are naive UTC in every table; sums that overflow and quotients by zero must stop, not turn into something.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Only what is committed to the table's log is part of it.
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
_QUIET = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# Here all is one machine: nobody else may knock, and two hundred shuffle partitions cost more than they carry.
_ON_LOOPBACK = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    # A day is a file: by default a task of its own looks whether each is there, and reads no more than 32 of them.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    "spark.sql.files.openCostInBytes": "262144",
}
_LOOPBACK = ("local", "spark://127.0.0.1:", "spark://localhost:")


def open_session(master: str, *, memory: str) -> SparkSession:
    """The process's session, started if there is none; a master elsewhere is configured by SPARK_CONF_DIR.

    `memory` is for a master within this process. `Unavailable` where no master answers.
    """
    # The cluster's own word for its Python goes first.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = _MEANING | _QUIET
    if master.startswith(_LOOPBACK):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        settings |= _ON_LOOPBACK
    if master.startswith("local"):
        settings |= {"spark.driver.memory": _heap(memory)}
    # It writes every plan that fails to the log as JSON, a page a column, beside raising it.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    builder = SparkSession.builder.master(master).appName("usage-pipeline")
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except FileNotFoundError as missing:
        raise Rejected("Spark finds no Java", fix="apt-get install openjdk-17-jre-headless") from missing
    except (PySparkException, Py4JError) as said:
        if "JAVA_GATEWAY_EXITED" in str(said):
            raise Rejected(
                f"Spark's Java does not start: {said}", fix="apt-get install openjdk-17-jre-headless, or set JAVA_HOME"
            ) from said
        raise Unavailable(f"no Spark at {master}: {said}", fix="see USAGE_SPARK_MASTER, and whether it runs") from said


def _heap(memory: str) -> str:
    """`1GB`, as DuckDB has it, in the words of a Java heap."""
    return memory.strip().lower().replace(" ", "").removesuffix("b").removesuffix("i")

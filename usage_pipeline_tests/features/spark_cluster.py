"""A standalone Spark cluster of a master and two workers on loopback, from the PyPI package."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent
CLASS = str(HOME / "bin" / "spark-class")


def configured(folder: Path) -> Path:
    """A folder of Spark's configuration, for programs that live a few minutes: their code is compiled quickly, not well."""
    short = "-XX:TieredStopAtLevel=1"
    lines = [f"spark.{role}.extraJavaOptions {short}" for role in ("driver", "executor")]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def running(folder: Path, *, workers: int = 2) -> Iterator[str]:
    """The master's URL, once all workers have registered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(_started([*master, "--webui-port", "0"], "elected leader"))
        for number in range(workers):
            work = folder / f"worker-{number}"
            worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1"]
            stack.enter_context(
                _started(
                    [*worker, "--memory", "1g", "--webui-port", "0", "--work-dir", str(work), url], "registered with"
                )
            )
        yield url


@contextmanager
def _started(command: list[str], sign: str) -> Iterator[None]:
    """A process of the cluster from the line of its log that says it is ready until the end of the block."""
    environment = os.environ | {
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "512m",
    }
    process = subprocess.Popen(
        [CLASS, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = process.stdout
    said = []
    try:
        for line in lines:
            said.append(line)
            if sign in line:
                break
        else:
            raise AssertionError("Spark did not start:\n" + "".join(said))
        # A log that nobody reads stops its writer once the pipe is full.
        reader = threading.Thread(target=lambda: [None for _ in lines], daemon=True)
        reader.start()
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)

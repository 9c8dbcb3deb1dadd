"""Dagster, MLflow and the sandbox side by side, for a person with a browser."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from rich.console import Console

from usage_pipeline.defs.launching import prepare
from usage_pipeline.errors import Rejected
from usage_pipeline.home import Home
from usage_pipeline.settings import Settings

START_SECONDS = 120
STOP_SECONDS = 20


def serve(settings: Settings, console: Console, *, dagster_port: int, mlflow_port: int) -> int:
    """Start all three, print their addresses, and end all of them together; gives the exit code."""
    home = Home(settings)
    home.path.mkdir(parents=True, exist_ok=True)
    prepare(home)
    ports = {"Dagster": dagster_port, "MLflow": mlflow_port, "CRM sandbox": settings.sandbox_port}
    for name, port in ports.items():
        _must_be_free(name, port)
    os.environ["USAGE_HOME"] = str(home.path)
    home.mlflow.mkdir(exist_ok=True)
    tools = Path(sys.executable).parent
    commands = {
        "CRM sandbox": [
            sys.executable, "-m", "usage_pipeline.sandbox",
            "--port", str(settings.sandbox_port), "--tls-port", str(settings.sandbox_port + 1),
            "--state", str(home.path / "sandbox.sqlite"),
        ],
        "MLflow": [
            str(tools / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "1",
            "--backend-store-uri", settings.mlflow_uri, "--default-artifact-root", str(home.mlflow / "artifacts"),
        ],
        "Dagster": [str(tools / "dagster"), "dev", "-w", _workspace(home), "-h", "127.0.0.1", "-p", str(dagster_port)],
    }  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            log = (home.path / f"{name.split()[-1].lower()}.log").open("ab")
            # A session of its own each, so that its children end with it.
            running[name] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        for name, port in ports.items():
            with console.status(f"{name} starts ..."):
                _await(name, port, running[name])
            console.print(f"{name:<12} http://127.0.0.1:{port}", highlight=False)
        console.print("Ctrl-C stops all of them; their logs lie under the home.", highlight=False)
        while all(process.poll() is None for process in running.values()):
            time.sleep(0.5)
        ended = next(name for name, process in running.items() if process.poll() is not None)
        console.print(f"[red]{ended} ended by itself; its log lies under {home.path}[/]", highlight=False)
    except KeyboardInterrupt:
        console.print("stopping ...")
        return 0
    else:
        return 1
    finally:
        for process in running.values():
            _stop(process)


def _workspace(home: Home) -> str:
    """The root's workspace.yaml, written where a plain wheel finds it too."""
    target = home.dagster / "workspace.yaml"
    target.write_text(
        "load_from:\n  - python_module:\n      module_name: usage_pipeline.definitions\n      location_name: usage_pipeline\n",
        encoding="utf-8",
    )
    return str(target)


def _must_be_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Rejected(
                f"the port {port} for {name} is in use",
                fix="stop what listens there, or choose others: --dagster-port, --mlflow-port, USAGE_SANDBOX_PORT",
            )


def _await(name: str, port: int, process: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < START_SECONDS:
        if process.poll() is not None:
            raise Rejected(f"{name} ended while it started", fix="read its log under the home")
        try:
            requests.get(f"http://127.0.0.1:{port}/", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.3)
        else:
            return
    raise Rejected(f"{name} did not answer within {START_SECONDS} s", fix="read its log under the home")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

"""The CRM sandbox as a process of its own, and what its people do in it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from usage_pipeline.errors import Unavailable
from usage_pipeline.home import Home

START_SECONDS = 30
REQUEST_SECONDS = 60


class Sandbox:
    """Hands on the sandbox that no CRM client has: its clock, its stock, its people."""

    def __init__(self, url: str) -> None:
        self.url = url

    def stock(self, content: dict[str, Any]) -> None:
        self._post("stock", content)

    def set_clock(self, moment: datetime) -> None:
        self._post("clock", {"now": moment.isoformat() + "Z"})

    def open_tasks(self) -> list[dict[str, Any]]:
        """All open tasks of both CRMs, as their owners see them."""
        answer = requests.get(f"{self.url}/_sandbox/tasks", params={"status": "open"}, timeout=REQUEST_SECONDS)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def close_task(self, crm: str, task: str, *, status: str, answer: str) -> None:
        self._post(f"tasks/{crm}/{task}", {"status": status, "answer": answer})

    def _post(self, path: str, content: dict[str, Any]) -> None:
        requests.post(f"{self.url}/_sandbox/{path}", json=content, timeout=REQUEST_SECONDS).raise_for_status()


@contextmanager
def running(home: Home) -> Iterator[Sandbox]:
    """The home's sandbox: the one that is being served already (`make dev`), or one on a free port, ended with the block.

    Sets USAGE_SANDBOX_PORT for this process, which is how the CRM clients find it.
    """
    home.path.mkdir(parents=True, exist_ok=True)
    state = home.path / "sandbox.sqlite"
    if _serves(home.sandbox_url, state):
        yield Sandbox(home.sandbox_url)
        return
    log = (home.path / "sandbox.log").open("ab")
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        url = _address(process)
        os.environ["USAGE_SANDBOX_PORT"] = url.rpartition(":")[2]
        yield Sandbox(url)
    finally:
        _end(process)
        log.close()


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to stop; on a disk that is too busy to close the state in time, SQLite makes it whole when it is opened again."""
    process.terminate()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _serves(url: str, state: Path) -> bool:
    """Whether a sandbox with this very state answers there; any other server is somebody else's."""
    try:
        answer = requests.get(f"{url}/_sandbox/health", timeout=START_SECONDS)
        return bool(answer.json().get("state") == str(state.resolve()))
    except (requests.ConnectionError, requests.Timeout, ValueError, AttributeError):
        return False


def _address(process: subprocess.Popen[str]) -> str:
    """The address the sandbox prints when it listens."""
    if process.stdout is None:
        raise Unavailable("the sandbox was started without an output to read")
    begun = time.monotonic()
    for line in process.stdout:
        if line.startswith("sandbox: http://"):
            return line.split()[1]
        if time.monotonic() - begun > START_SECONDS:
            break
    raise Unavailable("the CRM sandbox did not start", fix="read sandbox.log under the home")

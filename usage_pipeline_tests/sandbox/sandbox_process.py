"""A sandbox in a process of its own, as people run it."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen
    http: str
    https: str
    certificate: str

    def kill(self):
        """No goodbye, as a crash."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@contextlib.contextmanager
def running(state):
    """Started on free ports, stopped at the end whatever happens."""
    command = [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--tls-port", "0", "--state", str(state)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        plain, secure = process.stdout.readline().split(), process.stdout.readline().split()
        assert plain[:1] == ["sandbox:"], plain
        yield Running(process, plain[1], secure[2], secure[4])
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        process.stdout.close()

"""A piece of work in a process of its own, with its peak memory: `python -m benchmarks.engine_child MODULE:FUNCTION JSON`.

What one measure leaves behind (memory, caches of compiled queries) then weighs on no other.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


# Two cores for everybody; and no process may spend its time on compiling what every later one finds compiled.
_SAME = {"POLARS_MAX_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "", "OMP_NUM_THREADS": "2"}


def run(work: str, python: str = sys.executable, **arguments: Any) -> dict[str, Any]:
    """What `benchmarks.engine_MODULE.FUNCTION(**arguments)` gives, and `peak_gb`."""
    program = [python, "-m", "benchmarks.engine_child", work, json.dumps(arguments)]
    done = subprocess.run(program, cwd=ROOT, env=os.environ | _SAME, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{work} ended with exit code {done.returncode}; what it said is above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_gb() -> float:
    """The most memory this process ever held; not `ru_maxrss`, which begins at what its parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 / 1e9


def main() -> None:
    module, _, function = sys.argv[1].partition(":")
    work = getattr(importlib.import_module(f"benchmarks.engine_{module}"), function)
    found = work(**json.loads(sys.argv[2]))
    print(json.dumps(found | {"peak_gb": round(peak_gb(), 3)}))


if __name__ == "__main__":
    main()

"""Which batches went into a table, read off its log at once: delta-rs tells of one at a time, a millisecond each."""

import json
import re

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

# Of so few delta-rs is asked as quickly.
FEW = 100
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet$")


def of_log(root: str, opened: DeltaTable) -> set[str] | None:
    """All application transactions of the opened version; None where its log cannot be read in this way.

    The newest checkpoint repeats those of all commits before it, each later commit names its own.
    """
    system, folder = fsspec.core.url_to_fs(f"{root}/_delta_log")
    newest = opened.version()
    try:
        names = {path.rpartition("/")[2] for path in system.ls(folder, detail=False)}
        marks = [int(found[1]) for found in map(_CHECKPOINT.match, names) if found]
        since = max((mark for mark in marks if mark <= newest), default=-1)
        told = set() if since < 0 else _of_checkpoint(system, f"{folder}/{since:020}.checkpoint.parquet")
        commits = [f"{folder}/{version:020}.json" for version in range(since + 1, newest + 1)]
        written = system.cat(commits) if commits else {}
    # Another writer's checkpoint may be in several files, and its clean-up may take a commit away meanwhile.
    except (FileNotFoundError, KeyError, pa.ArrowException):
        return None
    for commit in written.values():
        for line in commit.splitlines():
            if b'"txn"' in line and (action := json.loads(line).get("txn")):
                told.add(action["appId"])
    return told


def _of_checkpoint(system: fsspec.AbstractFileSystem, path: str) -> set[str]:
    with system.open(path) as file:
        actions = pq.read_table(file, columns=["txn"])["txn"]
    return {action["appId"] for action in actions.drop_null().to_pylist()}

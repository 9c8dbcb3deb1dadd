"""The files that a cluster wrote below a table, as the table's log wants them named."""

import json
from dataclasses import dataclass
from urllib.parse import unquote

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction

Filter = list[tuple[str, str, str | list[str]]]
"""Which partitions are replaced; empty: all."""


@dataclass(frozen=True)
class Files:
    """Files to be added to a table in one commit."""

    added: tuple[AddAction, ...]
    rows: int


def found(root: str, folder: str, partition: str | None) -> Files:
    """The Parquet files of `folder` below the table's `root`; their footers tell how many rows each holds."""
    system, path = fsspec.core.url_to_fs(f"{root}/{folder}")
    begin = path.removesuffix(folder)
    added, rows = [], 0
    for name, held in sorted(system.find(path, detail=True).items()):
        if not name.endswith(".parquet"):
            continue
        with system.open(name) as file:
            count = pq.read_metadata(file).num_rows
        values = {}
        if partition is not None:
            values[partition] = unquote(name.rpartition(f"/{partition}=")[2].partition("/")[0])
        stats = json.dumps({"numRecords": count})
        modified = int(system.modified(name).timestamp() * 1000)
        added.append(AddAction(name.removeprefix(begin), held["size"], values, modified, True, stats))  # noqa: FBT003
        rows += count
    return Files(tuple(added), rows)


def commit(
    opened: DeltaTable,
    files: Files,
    schema: pa.Schema,
    *,
    partition: str | None,
    where: Filter,
    properties: CommitProperties | None,
) -> None:
    """Put the files in place of the partitions that `where` names, in one commit."""
    columns = [] if partition is None else [partition]
    opened.create_write_transaction(
        list(files.added),
        mode="overwrite",
        schema=Schema.from_arrow(schema),
        partition_by=columns,
        partition_filters=where or None,
        commit_properties=properties,
    )

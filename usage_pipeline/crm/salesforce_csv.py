"""Rows of fields as the CSV that a Bulk job takes, and its result files read back."""

import csv
import io
from collections.abc import Iterator, Sequence

from usage_pipeline.crm.client import FieldWrite
from usage_pipeline.crm.contract import Contract

# A blank cell leaves the field as it is (CRM_APIS 4.3).
EMPTIED = "#N/A"
# 150 MB once Salesforce has put it into base64.
LARGEST_UPLOAD = 100_000_000


def uploads(
    rows: Sequence[FieldWrite], contract: Contract, largest: int = LARGEST_UPLOAD
) -> Iterator[tuple[list[FieldWrite], bytes]]:
    """Files below `largest` bytes that hold all rows between them, each with the rows that are in it."""
    written = {name for row in rows for name in row.values}
    names = [field.name for field in contract.fields if field.name in written]
    header = _line(["Id", *(contract.field(name).salesforce for name in names)])
    inside: list[FieldWrite] = []
    content = bytearray(header)
    for row in rows:
        line = _line([row.crm_id, *(_cell(row, name) for name in names)])
        if inside and len(content) + len(line) > largest:
            yield inside, bytes(content)
            inside, content = [], bytearray(header)
        inside.append(row)
        content += line
    if inside:
        yield inside, bytes(content)


def _cell(row: FieldWrite, name: str) -> str:
    if name not in row.values:
        return ""
    return row.values[name] or EMPTIED


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def result_rows(content: bytes) -> Iterator[dict[str, str]]:
    """Whole rows of a result file one by one; a value of several lines stays one value."""
    # newline="": the csv module alone knows which line ends are inside a value.
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline="")
    for row in csv.DictReader(lines):
        # An answer that broke off ends in a row without all of its columns.
        if None not in row.values():
            yield row


def same_id(crm_id: str) -> str:
    """What the 15- and the 18-character form of an id have in common."""
    return crm_id[:15]

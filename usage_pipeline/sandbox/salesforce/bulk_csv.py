"""The CSV of Bulk API 2.0, as rows come in and as results go out (CRM_APIS 4.3)."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
EMPTIED = "#N/A"

# A long text area may hold more than the csv module's own 131,072.
csv.field_size_limit(min(sys.maxsize, 10_000_000))


def rows(content: bytes, delimiter: str) -> Iterator[list[str]]:
    """Rows of an upload, the header first; empty lines are none."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace", newline="")
    return (row for row in csv.reader(text, delimiter=DELIMITERS[delimiter]) if row)


def written(header: Sequence[str], lines: Iterable[Sequence[str]], delimiter: str, line_ending: str) -> bytes:
    """A result file: every value quoted."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=DELIMITERS[delimiter], lineterminator=LINE_ENDINGS[line_ending], quoting=csv.QUOTE_ALL
    )
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()


def given(header: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    """A row as a record: a blank cell leaves its field as it is, `#N/A` empties it, `Owner.Email` names a parent."""
    record: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=True):
        if cell == "":
            continue
        relationship, _, key = name.partition(".")
        record[relationship] = {key: cell} if key else None if cell == EMPTIED else cell
    return record

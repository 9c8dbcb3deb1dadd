"""Rows of people who were forgotten, when they come again: refused, and nothing of them kept."""

import json

import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.events.batches import Part
from usage_pipeline.events.reasons import WORDS, Reason
from usage_pipeline.sources.tombstones import Tombstones

REASON = Reason.FORGOTTEN
DETAIL = WORDS[REASON]
IDS = ("user_id", "anonymous_id", "previous_id")
"""The columns of a judged row that name whose it is."""


def kept_out(part: Part, tombstones: Tombstones, file: str) -> Part:
    """The part in which each row of a forgotten person is a refused one without content; all rows are still counted."""
    if not tombstones:
        return part
    refused = [_emptied(row) if tombstones.are_named(row["raw"] or "") else row for row in part.rejected.to_pylist()]
    kept = []
    for valid in (part.events, part.calls):
        theirs = _by_address(valid, tombstones)
        for name in IDS:
            theirs = pc.or_(theirs, tombstones.among(valid[name]))
        gone = valid.filter(theirs).select(["batch", "line", "landed_at"])
        refused += [_emptied(row | {"file": file}) for row in gone.to_pylist()]
        left = valid.filter(pc.invert(theirs))
        properties = left.column_names.index("properties")
        kept.append(left.set_column(properties, "properties", tombstones.silenced(left["properties"])))
    events, calls = kept
    return Part(part.first_line, events, calls, pa.Table.from_pylist(refused, schema=part.rejected.schema))


def _emptied(row: dict[str, object]) -> dict[str, object]:
    return row | {"reason": REASON, "detail": DETAIL, "raw": ""}


def _by_address(valid: pa.Table, tombstones: Tombstones) -> pa.ChunkedArray:
    """Which calls that say who a person is state a forgotten address."""
    says = pc.and_(
        pc.not_equal(pc.cast(valid["kind"], pa.string()), "event"),
        pc.fill_null(pc.match_substring(valid["properties"], "@"), fill_value=False),
    )
    stated = {text: _address(text) for text in pc.unique(valid["properties"].filter(says)).to_pylist()}
    held = [text for text, address in stated.items() if tombstones.holds(address)]
    return pc.and_(says, pc.is_in(valid["properties"], value_set=pa.array(held, pa.string())))


def _address(traits: str) -> str | None:
    found = json.loads(traits)
    address = found.get("email") if isinstance(found, dict) else None
    return address if isinstance(address, str) else None

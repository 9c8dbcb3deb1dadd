"""The formats in which product events are exported: which files hold them, and the SQL that reads their rows."""

from usage_pipeline.company import Clock, Events
from usage_pipeline.events import amplitude, json_lines, mixpanel, posthog, segment, snowplow
from usage_pipeline.sources.landing import LINES, File

_ROWS = {
    "segment": segment.rows,
    "amplitude": amplitude.rows,
    "mixpanel": mixpanel.rows,
    "posthog": posthog.rows,
    "snowplow": snowplow.rows,
}
# "" is a file that is only called packed, `…-0001.gz`.
_JSON = (*LINES, "")
_TEXT = {"snowplow": (".tsv", "")}
# Warehouses and batch exports write the same fields as Parquet.
_COLUMNAR = ("amplitude", "mixpanel", "posthog")
# What is written in the zone of a person's own choice; the others write UTC.
_LOCAL = ("segment", "select")


def rows(events: Events, *, trusting: bool = False) -> str:
    """SQL from `lines` (line, raw) to one row per non-blank line, all values as stated.

    Where it is `trusting`, lines of JSON that do not look like an object are left out, and the others not looked at
    twice: one that is no JSON after all is an error (`duckdb.Error`), and then nothing is known of any.
    """
    looked_at = json_lines.TRUSTED if trusting else json_lines.LOOKED_AT
    return f"WITH looked_at AS ({looked_at}) SELECT * FROM ({_ROWS[events.format](events)})"


def suffixes(events: Events) -> tuple[str, ...]:
    """The suffixes of files that hold lines of the format, compression aside."""
    return _TEXT.get(events.format, _JSON)


def reads(events: Events, file: File) -> bool:
    """Whether the format can be read from such a file."""
    readable = (*suffixes(events), ".zip", *((".parquet",) if events.format in _COLUMNAR else ()))
    return events.format != "select" and file.suffix in readable


def zone(events: Events, clock: Clock) -> str:
    """The zone of times that name none."""
    return events.time_zone or (clock.time_zone if events.format in _LOCAL else "UTC")

"""What `init` understood of a folder: the parts of the mapping, each with its evidence and its questions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Part:
    """One entry of the mapping's `events` or `tables`."""

    taken_as: str
    """events, or the table of `sources`."""
    files: str
    rows: int | None
    """None: not counted, as in an export."""
    first: datetime | None = None
    last: datetime | None = None
    sql: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    """Keys of an `events` entry besides its select, or of a table that a ready select reads, as YAML."""
    evidence: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    """What a person has to look at; the mapping holds a guess, or nothing."""
    missing: list[str] = field(default_factory=list)
    """What would be of use and is not there."""
    has_zone: bool = True
    """Its times name their zone."""
    choices: list[str] = field(default_factory=list)
    """Lines for the person to uncomment."""
    stops: str = ""
    """Why this part cannot be written, with what to do; empty: it can."""

    def to_json(self) -> dict[str, Any]:
        shown = {key: value for key, value in self.__dict__.items() if key not in ("choices", "keys")}
        return shown | {"format": self.keys.get("format", "select" if self.sql else None)}


@dataclass
class Understood:
    """The whole of it."""

    company: str
    folder: str
    events: list[Part] = field(default_factory=list)
    tables: list[Part] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    """Files that are not used, and why."""
    names: dict[str, int] = field(default_factory=dict)
    """Event names of the samples, with how often they occur."""
    roles: dict[str, tuple[tuple[str, ...], bool]] = field(default_factory=dict)
    """Per role the event names that may have it, and whether that is clear."""
    outcomes: list[str] = field(default_factory=list)
    """Lines of YAML for outcomes and primary."""
    has_zone: bool = True
    """Every time names its zone."""
    has_crm: bool = False
    questions: list[str] = field(default_factory=list)

    @property
    def first(self) -> datetime | None:
        return min((part.first for part in self.events if part.first is not None), default=None)

    @property
    def last(self) -> datetime | None:
        return max((part.last for part in self.events if part.last is not None), default=None)

    @property
    def parts(self) -> list[Part]:
        return [*self.events, *self.tables]

    @property
    def stops(self) -> list[str]:
        """Why no mapping that runs can be written yet."""
        found = [part.stops for part in self.events if part.stops]
        if not self.events:
            found.append(
                "no file holds product events: a table with a time, an account or a person, and what was done, or an "
                "export of Segment, RudderStack, Amplitude, Mixpanel, PostHog or Snowplow. Put one into the folder, or "
                'write events.select by hand (docs/input.md, "Product events through a select")'
            )
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "company": self.company,
            "folder": self.folder,
            "parts": [part.to_json() for part in self.parts],
            "not_used": self.left,
            "event_names": self.names,
            "roles": {role: {"events": list(names), "is_clear": clear} for role, (names, clear) in self.roles.items()},
            "questions": [question for part in self.parts for question in part.questions] + self.questions,
            "stops": self.stops,
        }

"""Forgetting a person: found everywhere first, then taken out of the CRM, the files, the ledger and the lake.

What a second try needs to find the person goes last, so that one that was stopped is simply begun again.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.client import Contacts, Crm, FieldWrite
from usage_pipeline.defs import tables
from usage_pipeline.defs.place import Opened
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.events import persons
from usage_pipeline.events.persons import Person
from usage_pipeline.lake import write_views
from usage_pipeline.ledger import erasing
from usage_pipeline.run import delivering, erasing_files, erasing_lake, erasing_rest, erasing_traces
from usage_pipeline.sources import landing
from usage_pipeline.sources.tombstones import Tombstones

Progress = Callable[[str], None]
_EMAIL = "email"


@dataclass
class Forgotten:
    """What was found of a person, and so what is erased; nothing in it names them."""

    erasure: str
    ids: int
    addresses: int
    shared_browsers: int
    """Browsers on which others were known, too: their rows without a person stay."""
    is_account_too: bool
    """An account has the same id; the account stays."""
    files: dict[str, int] = field(default_factory=dict)
    """Landed files, with their lines (rows)."""
    mentions: dict[str, int] = field(default_factory=dict)
    """Landed files, with lines of others that name the person."""
    tables: dict[str, int] = field(default_factory=dict)
    named_in: dict[str, int] = field(default_factory=dict)
    """Tables, with rows of others that name the person."""
    days: int = 0
    """Known days whose rollups are counted again."""
    ledger: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)
    """By CRM instance, contacts whose fields of ours are emptied."""
    other_files: list[str] = field(default_factory=list)
    was_erased: bool = False

    @property
    def is_nothing(self) -> bool:
        return not (
            self.files
            or self.mentions
            or self.tables
            or self.named_in
            or any(self.ledger.values())
            or any(self.contacts.values())
            or self.other_files
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def forget(
    place: Opened,
    names: Sequence[str],
    *,
    asked_by: str,
    reason: str | None,
    really: bool,
    progress: Progress,
    with_crm: bool = True,
) -> Forgotten:
    """Find the person of some user ids or addresses everywhere and, where `really`, erase them.

    The tombstone is written first: from then on nothing that lands brings them back. Also for whoever is not known
    (yet): then `is_nothing`, and a name that was mistyped is seen by that.
    """
    progress("who it is")
    person = persons.find(place.lake, names)
    found = Forgotten(
        uuid.uuid4().hex, len(person.ids), len(person.addresses), len(person.shared_browsers), bool(person.accounts)
    )
    if really:
        Tombstones(place.home.path).add(person.names)
    with erasing.opened(place.settings.ledger) as engine:
        found.ledger = erasing.counts(engine, person.ids, person.is_named_in)
        if with_crm and place.company.crm.hubspot_contacts:
            with delivering.crms(place) as clients:
                for crm in clients.values():
                    if crm.contacts is not None:
                        progress(f"contacts of {crm.instance().key}")
                        written = erasing.contacts(engine, crm.instance().key, person.ids)
                        found.contacts[crm.instance().key] = _empty(
                            place, crm, crm.contacts, person, written, really=really
                        )
        _of_files(place, person, found, progress, really=really)
        found.other_files = erasing_rest.erase(place.home, person, really=really, progress=progress)
        if really:
            progress("ledger")
            erasing.erase(engine, person.ids, person.scrubbed, person.is_named_in)
        _of_lake(place, person, found, progress, really=really)
        if really:
            write_views(place.lake, tables.TABLES, place.home.path / "usage.duckdb")
            found.was_erased = True
            told = found.to_json()
            erasing.record(engine, found.erasure, asked_by=asked_by, at=place.now(), reason=reason, found=told)
    return found


def _of_files(place: Opened, person: Person, found: Forgotten, progress: Progress, *, really: bool) -> None:
    state = place.home.path / "landed"
    deliveries = landing.deliveries(place.home.landing(), now=place.now(), state=state)
    lines = erasing_lake.landed_lines(place.lake, person)
    for one, content in erasing_files.search(deliveries, place.company, person, lines, progress):
        name = one.file.name
        if one.lines:
            found.files[name] = one.lines
        if one.mentions:
            found.mentions[name] = one.mentions
        if really:
            erasing_files.put_in_place(one, content(), state)


def _of_lake(place: Opened, person: Person, found: Forgotten, progress: Progress, *, really: bool) -> None:
    progress("tables")
    if really:
        erased = erasing_lake.erase(place.lake, place.company.roles, tables.TABLES, person, progress)
        traces = erased.traces
        found.days = len(erased.days)
    else:
        traces = erasing_traces.traces(place.lake, tables.TABLES, person)
    found.tables = {one.table.key: one.rows for one in traces if one.rows}
    found.named_in = {one.table.key: one.mentions for one in traces if one.mentions}


def _empty(place: Opened, crm: Crm, contacts: Contacts, person: Person, written: Sequence[str], *, really: bool) -> int:
    """Empty our fields of the person's contacts, found by address and by what we wrote; how many contacts that are."""
    contract = place.contract.of_contacts
    by_address = contacts.find(sorted(person.addresses), _EMAIL) if person.addresses else {}
    ids = sorted({*(one for some in by_address.values() for one in some), *map(CrmId, written)})
    held = contacts.values(ids, contract) if ids else {}
    filled = [one for one, values in held.items() if any(values.values())]
    if not really or not filled:
        return len(filled)
    empty = {item.name: None for item in contract.fields}
    for start in range(0, len(filled), crm.rows_per_call):
        some = filled[start : start + crm.rows_per_call]
        results = contacts.write([FieldWrite(f"forget-{one}", one, empty) for one in some], contract)
        for result in results:
            if result.outcome == "failed":
                detail = result.rejection.detail if result.rejection else "no reason given"
                raise Rejected(
                    f"{crm.instance().key} keeps the fields of a contact: {detail}",
                    fix="mend it there and forget again, or empty the contact by hand and forget with --without-crm",
                )
            if result.outcome == "unknown":
                raise Unavailable(f"{crm.instance().key} did not say whether a contact was emptied", fix="forget again")
    return len(filled)

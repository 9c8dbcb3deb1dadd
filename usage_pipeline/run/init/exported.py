"""Entries of the mapping's `events` for an export as it comes, and where its events name the account and the feature."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.events import fields
from usage_pipeline.run.init import exports
from usage_pipeline.run.init.book import Book
from usage_pipeline.run.init.columns import text
from usage_pipeline.run.init.exports import Export
from usage_pipeline.run.init.understood import Part
from usage_pipeline.sources.landing import File

# Shares: of values that are among the accounts, and of events that name a feature.
_STATED, _TOLD = 0.5, 0.02


def of_export(export: Export, others: list[File], book: Book, names: dict[str, int]) -> list[Part]:
    """An export of one of the known formats; several entries where no pattern tells its files from the others."""
    glob = exports.pattern(export, others)
    globs = [glob] if glob else sorted({file.path.name for file in export.files})
    parts = []
    for one in globs:
        part = Part("events", export.name if glob else one, None)
        part.keys = {"format": export.format, "files": f'"{one}"'}
        part.evidence.append(f"{export.looked_at:,} first lines of {export.files[0].name} are {export.format} events")
        _span(part, export, book)
        _account_of_export(part, export, book)
        _feature_of_export(part, export)
        parts.append(part)
    for row in export.stated.filter(_is_event(export)).group_by("name").aggregate([("name", "count")]).to_pylist():
        if row["name"] is not None:
            names[row["name"]] = names.get(row["name"], 0) + row["name_count"]
    return parts


def _is_event(export: Export) -> pa.ChunkedArray:
    return pc.equal(export.stated["kind"], "event")


def _span(part: Part, export: Export, book: Book) -> None:
    book.connection.register("stated", export.stated)
    found = book.connection.execute(
        f"SELECT min(m), max(m) FROM (SELECT {fields.moment('ts')} AS m FROM stated)"
    ).fetchone()
    book.connection.unregister("stated")
    span: tuple[datetime | None, datetime | None] = found or (None, None)
    part.first, part.last = span


def _account_of_export(part: Part, export: Export, book: Book) -> None:
    accounts = book.of("account")
    held: set[str] = set()
    if accounts is not None:
        source, taken = accounts
        key = taken.columns["account_id"]
        held = {
            str(row[0])
            for row in book.connection.execute(
                f"SELECT DISTINCT {text(key.name, key.type)} FROM {source.sample}"
            ).fetchall()
        }

    def share(values: set[str]) -> float:
        return len(values & held) / len(values) if values else 0.0

    stated = {value for value in export.stated["account_id"].to_pylist() if value is not None}
    if stated and (not held or share(stated) >= _STATED):
        words = f"{export.share('account_id'):.0%} of them name an account" + (
            f", {share(stated):.0%} of {len(stated):,} are in {accounts[0].name}" if accounts and held else ""
        )
        part.joins.append(words)
        return
    candidates = export.candidates("account")
    joined = [
        place
        for place in (candidates if not held else export.places)
        if not held or (len(export.places[place]) > 1 and share(set(export.places[place])) >= _STATED)
    ]
    if joined:
        part.keys["account"] = joined[0]
        part.joins.append(
            f"`{joined[0]}` names the account"
            + (
                f": {share(set(export.places[joined[0]])):.0%} of its values are in {accounts[0].name}"
                if accounts and held
                else " by its name"
            )
        )
        return
    part.choices += [f"# account: {place}" for place in candidates] or [
        "# account: groups.company   # where an event says whose it is"
    ]
    users = book.of("user")
    if users is not None:
        part.joins.append(f"no event names an account; {users[0].name} says whose people are")
        return
    part.questions.append(
        f"where do the events of {part.files} name the account? None of the looked-at does in a place that is known"
    )
    part.stops = (
        part.questions[-1] + ". State `account:` in its entry, or add a table of users with user_id and account_id"
    )


def _feature_of_export(part: Part, export: Export) -> None:
    if export.share("feature") > _TOLD:
        part.evidence.append(f"{export.share('feature'):.0%} of them name a feature")
        return
    candidates = export.candidates("feature")
    if candidates:
        part.keys["feature"] = candidates[0]
        part.evidence.append(
            f"`{candidates[0]}` names the feature: {', '.join(value for value, _ in export.places[candidates[0]].most_common(4))}"
        )
        return
    part.keys["feature_is_name"] = "true"
    part.missing.append("no event names a feature, so that what was done is one")

"""A person taken out of whatever else lies in the home: run logs, plans, pages, what was parsed of landed files.

Not the sandbox: it is a CRM, and a CRM's records are its own.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from usage_pipeline.events.persons import Person
from usage_pipeline.home import Home, put
from usage_pipeline.sources.tombstones import FOLDER

TEXTS = frozenset({".json", ".jsonl", ".md", ".html", ".csv", ".log", ".txt", ".err", ".out", ".yaml", ".svg"})
DATABASES = frozenset({".db", ".sqlite"})
# The lake, the landed files and the ledger are taken care of where they are understood.
_ELSEWHERE = frozenset({"lake", "landing", FOLDER, "spill", "ledger.sqlite", "sandbox.sqlite", "company.yaml"})
_SQLITE = b"SQLite format 3\x00"


def erase(home: Home, person: Person, *, really: bool, progress: Callable[[str], None]) -> list[str]:
    """The files that name the person, under the home; without the person afterwards where `really`.

    A plan that names them is deleted: applied later, it would write to their contact again.
    """
    found = []
    parsed = home.path / "landed" / "parsed"
    if really and parsed.exists():
        # Made from the landed files, and made again from what they are now.
        shutil.rmtree(parsed)
    for path in _files(home):
        if path.suffix in DATABASES:
            count = _of_database(path, person, really=really)
        else:
            count = _of_text(path, person, is_plan=path.parent == home.path / "plans", really=really)
        if count:
            name = path.relative_to(home.path).as_posix()
            progress(name)
            found.append(name)
    return found


def _files(home: Home) -> Iterator[Path]:
    for top in sorted(home.path.iterdir()):
        if top.name in _ELSEWHERE:
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and path.suffix in TEXTS | DATABASES and "artifacts" not in path.parts:
                yield path


def _of_text(path: Path, person: Person, *, is_plan: bool, really: bool) -> int:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if not person.is_named_in(text):
        return 0
    if really and is_plan:
        path.unlink()
    elif really:
        put(path, person.scrubbed(text))
    return 1


def _of_database(path: Path, person: Person, *, really: bool) -> int:
    """How many rows of an SQLite file name the person in a text."""
    with path.open("rb") as file:
        if file.read(16) != _SQLITE:
            return 0
    changed = 0
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function("scrubbed", 1, lambda text: person.scrubbed(text) if isinstance(text, str) else text)
        for table, column in _texts(connection):
            named = " OR ".join(f'instr(lower("{column}"), ?) > 0' for _ in person.needles) or "false"
            needles = [needle.lower() for needle in person.needles]
            told = connection.execute(
                f'SELECT count(*) FROM "{table}" WHERE ({named}) AND scrubbed("{column}") <> "{column}"', needles
            ).fetchone()[0]
            if told and really:
                connection.execute(f'UPDATE "{table}" SET "{column}" = scrubbed("{column}") WHERE {named}', needles)
            changed += told
        if changed and really:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return changed


def _texts(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, row[1])
        for table in tables
        for row in connection.execute(f'PRAGMA table_info("{table}")')
        if any(kind in str(row[2]).upper() for kind in ("CHAR", "TEXT", "CLOB"))
    ]

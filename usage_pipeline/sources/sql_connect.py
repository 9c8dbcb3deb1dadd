"""A connection to somebody's database, to read and never to write, and what its errors mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine

from usage_pipeline.company import Fetch
from usage_pipeline.errors import Rejected, Unavailable
from usage_pipeline.sources import secrets

# A host that does not answer is told in words, not waited for until the network gives up (two minutes).
CONNECT_SECONDS = 15

FILES = ("duckdb", "sqlite")
"""Databases that are a file."""

_WRITE_IT = "write it as postgresql://user:password@host:5432/database"
_REFUSED = ("authentication failed", "no password supplied", "does not exist", "permission denied", "Access denied")
# Classes of SQLSTATE (PostgreSQL manual, appendix A) that pass: connection, transaction rollback, resources, operator
# intervention (an administrator's, or a conflict on a standby), system error.
_PASSING = ("08", "40", "53", "57", "58")


@contextmanager
def connected(fetch: Fetch, variables: Mapping[str, str]) -> Iterator[Connection]:
    """A connection that reads; its errors, and those of what is done with it, come in our words."""
    stated = secrets.value(variables, fetch.database, fetch.name)
    url = _url(stated, fetch)
    hidden = secrets.Hidden([stated, url.password or ""])
    try:
        engine = _engine(url, fetch)
    except (exc.ArgumentError, ImportError) as wrong:
        raise Rejected(
            f"{fetch.name}: what {fetch.database} holds cannot be opened: {hidden.struck(str(wrong))}",
            fix=f"{_WRITE_IT}; its driver comes with `pip install 'usage-pipeline[postgres]'` (or [duckdb])",
        ) from None
    try:
        try:
            connection = engine.connect()
        except exc.SQLAlchemyError as error:
            raise _not_connected(error, url, fetch, hidden) from None
        with connection:
            yield connection
    except exc.SQLAlchemyError as error:
        raise _told(error, fetch, hidden) from None
    finally:
        engine.dispose()


def _url(stated: str, fetch: Fetch) -> URL:
    """The parts of what is stated; `Rejected` without a word of it where they cannot be told apart.

    Of a password with an @ the parser takes the rest for host, port or database, and names it in its error.
    """
    try:
        url = sa.make_url(stated)
        at = url.host or ""
        at += "" if url.get_backend_name() in FILES else url.database or ""
    except (exc.ArgumentError, ValueError):
        at = "@"
    if "@" in at:
        raise Rejected(
            f"{fetch.name}: what {fetch.database} holds cannot be opened: it is no database URL",
            fix=f"{_WRITE_IT}, the @ : / of a password as %40 %3A %2F",
        )
    return url


def _engine(url: URL, fetch: Fetch) -> Engine:
    backend = url.get_backend_name()
    arguments: dict[str, Any] = {}
    if backend in FILES and url.database not in (None, "", ":memory:") and not Path(str(url.database)).exists():
        # Opened for reading it would be an error of the driver; SQLite would make an empty one.
        raise Rejected(
            f"{fetch.name}: there is no file {url.database}", fix=f"name the file of the database in {fetch.database}"
        )
    if backend == "postgresql":
        url = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
        if url.get_driver_name() == "psycopg" and "connect_timeout" not in url.query:
            arguments["connect_timeout"] = CONNECT_SECONDS
    elif backend == "duckdb":
        # Beside the process that writes it, DuckDB lets nobody in who might write, too.
        arguments["read_only"] = True
    engine = sa.create_engine(url, connect_args=arguments, poolclass=sa.NullPool)
    if backend == "postgresql":
        engine = engine.execution_options(postgresql_readonly=True)
        if url.get_driver_name() == "psycopg":
            event.listen(engine, "connect", _json_as_text)
    return engine


def _json_as_text(connection: Any, _: object) -> None:
    """JSON as the database writes it: read and written again, 1.10 would be 1.1."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - an extra; here it is installed

    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)


def _not_connected(error: exc.SQLAlchemyError, url: URL, fetch: Fetch, hidden: secrets.Hidden) -> Exception:
    said = _words(error, hidden)
    cause = f"{fetch.name}: no connection to {url.get_backend_name()} at {url.host or url.database}: {said}"
    if any(word in said for word in _REFUSED):
        return Rejected(cause, fix=f"mend user, password or database in {fetch.database}")
    return Unavailable(cause, fix=f"try again; where it stays, compare host and port in {fetch.database}")


def _told(error: exc.SQLAlchemyError, fetch: Fetch, hidden: secrets.Hidden) -> Exception:
    said = _words(error, hidden)
    what = fetch.table or "the query"
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    is_cut = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    if is_cut or state.startswith(_PASSING) or "locked" in said:
        return Unavailable(f"{fetch.name}: reading {what} broke off: {said}", fix="fetch again; it goes on from there")
    return Rejected(
        f"{fetch.name}: {what} cannot be read: {said}",
        fix="mend table, query, cursor and key in the mapping's fetch, or let the user of the database read it",
    )


def _words(error: exc.SQLAlchemyError, hidden: secrets.Hidden) -> str:
    """What the driver said, without the statement and its parameters."""
    return hidden.struck(" ".join(str(getattr(error, "orig", None) or error).split()))

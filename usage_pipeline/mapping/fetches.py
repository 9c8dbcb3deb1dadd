"""Inputs that lie elsewhere: objects of a store, rows of a database."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from usage_pipeline.mapping.part import Part


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(
            "name an environment variable, such as SHOP_DATABASE_URL; what it holds has no place in the mapping"
        )
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""Name of an environment variable."""


class Fetch(Part):
    """Inputs that lie elsewhere, a list: objects of a store (`url`) or rows of a database (`database`).

    Each fetch brings what is new since the one before into the landing folder, as deliveries under NAME/. See
    docs/input.md, "Inputs that lie elsewhere".
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Folder of its deliveries, and the table that a select reads its rows from."""
    url: str = ""
    """Objects, as fsspec writes them, with a glob: `s3://acme-exports/segment/**/*.json.gz`; `file://` too."""
    options: dict[str, Variable] = {}  # noqa: RUF012 - pydantic copies it
    """Options of the store (`key`, `secret`, `endpoint_url`, `anon`; they differ by store), each the name of the
    environment variable that holds its value. Without any, the store's own ways to log in hold (`AWS_PROFILE`, a role
    of the machine)."""
    as_table: bool = False
    """Each object is the table NAME, in a delivery of its own: for a select over many files of one kind."""
    together: bool = False
    """The objects of one folder are joined by a select: when one of them changes, all are brought."""
    database: Variable = ""
    """The environment variable that holds the SQLAlchemy URL of a database (`postgresql://user:password@host/db`)."""
    table: str = ""
    """Table or view to read (`analytics.usage`)."""
    query: str = ""
    """Or a SELECT in the database's own SQL."""
    cursor: str = ""
    """Column by which rows are new: it only grows (`updated_at`, `id`). Without one, the table is read whole, and
    delivered when its content has changed."""
    key: str = ""
    """Column that, with the cursor, names a row; without one, its whole content does."""
    overlap: Annotated[str, BeforeValidator(str)] = Field(default="", pattern=r"^(\d+[smhd]?)?$")
    """How far back rows are looked for that came late: `2h` (s, m, h, d), or a plain number where the cursor counts. By
    default `10m`, or 1000. What was brought before is not brought again."""
    batch_rows: int = Field(default=100_000, gt=0)
    """Rows per delivery, and at a time in memory."""
    first_is_history: bool = True
    """The first fetch is an import of the past: a morning of last year sees what had happened by then. What later
    ones bring is known from when it was brought."""

    @model_validator(mode="after")
    def _fits(self) -> "Fetch":
        """One place each, no secret in it, and no key that would do nothing."""
        if bool(self.url) == bool(self.database):
            raise ValueError("state url (objects of a store) or database (rows), one of them")
        if self.url:
            idle = {"table", "query", "cursor", "key", "overlap", "batch_rows"} & self.model_fields_set
            if "://" not in self.url:
                raise ValueError("url begins with its protocol: s3://, gs://, https:// or file://")
            if "@" in self.url.partition("://")[2].partition("/")[0] or re.search(r"\?\w+=", self.url):
                raise ValueError(
                    "url holds a user, a key or a signature; put it into the environment, and name it in options"
                )
            if self.as_table and self.together:
                raise ValueError(
                    "as_table (one object a delivery) and together (all objects of a folder) exclude each other"
                )
        else:
            idle = {"options", "as_table", "together"} & self.model_fields_set
            if bool(self.table) == bool(self.query.strip()):
                raise ValueError("state table or query beside database, one of them")
            idle |= {"key", "overlap"} & self.model_fields_set if not self.cursor else set()
        if idle:
            where = "url" if self.url else "database" if self.cursor else "database without cursor"
            raise ValueError(f"{', '.join(sorted(idle))}: nothing to do with {where}")
        return self


def _named_once(several: tuple[Fetch, ...]) -> tuple[Fetch, ...]:
    names = [one.name for one in several]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is the name of several; each needs a folder of its own")
    return several


Fetches = Annotated[tuple[Fetch, ...], AfterValidator(_named_once)]

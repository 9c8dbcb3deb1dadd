"""Who was forgotten, as salted hashes: enough to keep a person out when their rows come again, and no more.

The salt and the hashes lie in the home (`forgotten/`), readable by its owner alone; without the
salt a hash tells nothing, and whoever has both can ask "was it this person?" and nothing else.
"""

import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

FOLDER = "forgotten"
NOBODY = "(forgotten)"
"""What stands where a forgotten person was named by somebody else."""
_SALT_BYTES = 32
ADDRESS = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_ADDRESS = re.compile(ADDRESS)


def plain(name: str) -> str:
    """An id as it is compared: an address in lower case, as no mail system tells cases apart."""
    name = name.strip()
    return name.lower() if "@" in name else name


class Tombstones:
    """The ids and addresses of the forgotten, of one home; without a folder nobody was."""

    def __init__(self, home: Path | None) -> None:
        self._folder = None if home is None else home / FOLDER
        self._salt = b""
        self._hashes: frozenset[str] = frozenset()
        if self._folder is not None and (self._folder / "tombstones.json").exists():
            self._hashes = frozenset(json.loads((self._folder / "tombstones.json").read_text(encoding="utf-8")))
            self._salt = bytes.fromhex((self._folder / "salt").read_text(encoding="ascii"))

    def __bool__(self) -> bool:
        return bool(self._hashes)

    @property
    def mark(self) -> str:
        """Another one whenever somebody else was forgotten."""
        return sha256("".join(sorted(self._hashes)).encode()).hexdigest()

    def hash(self, name: str) -> str:
        """The salted hash of an id or address."""
        return hmac.new(self._salt, plain(name).encode(), sha256).hexdigest()

    def holds(self, name: str | None) -> bool:
        """Whether this id or address is that of somebody who was forgotten."""
        return bool(self._hashes) and bool(name) and self.hash(str(name)) in self._hashes

    def add(self, names: Iterable[str]) -> list[str]:
        """Keep these ids and addresses out from now on; gives their hashes."""
        if self._folder is None:
            raise ValueError("tombstones need a home")
        if not self._salt:
            self._salt = self._new_salt(self._folder)
        new = sorted(self.hash(name) for name in names)
        self._hashes |= frozenset(new)
        _write_privately(self._folder / "tombstones.json", json.dumps(sorted(self._hashes), indent=0))
        return new

    @staticmethod
    def _new_salt(folder: Path) -> bytes:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (folder / "salt").exists():
            _write_privately(folder / "salt", secrets.token_hex(_SALT_BYTES))
        return bytes.fromhex((folder / "salt").read_text(encoding="ascii"))

    def among(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Per value of a column of text whether it is a forgotten id or address; each different value is asked once."""
        column = pc.cast(column, pa.string())
        held = [name for name in pc.unique(column).to_pylist() if self.holds(name)]
        return pc.is_in(column, value_set=pa.array(held, pa.string()))

    def without(self, rows: pa.Table, columns: Iterable[str] = ("user_id", "email")) -> pa.Table:
        """The rows of a table that name nobody who was forgotten."""
        if not self:
            return rows
        for name in columns:
            if name in rows.column_names:
                rows = rows.filter(pc.invert(self.among(rows[name])))
        return rows

    def silenced(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column of text in which forgotten addresses are replaced."""
        with_address = pc.fill_null(pc.match_substring(column, "@"), fill_value=False)
        if not pc.any(with_address).as_py():
            return column
        texts = {text: self.silent(text) for text in pc.unique(column.filter(with_address)).to_pylist()}
        changed = {text: new for text, new in texts.items() if new != text}
        if not changed:
            return column
        place = pc.index_in(column, value_set=pa.array(list(changed), pa.string()))
        new = pc.take(pa.array(list(changed.values()), pa.string()), place)
        return pc.coalesce(new, column)

    def silent(self, text: str) -> str:
        """The text without forgotten addresses."""
        return _ADDRESS.sub(lambda found: NOBODY if self.holds(found[0]) else found[0], text)

    def are_named(self, text: str) -> bool:
        """Whether a word of the text is a forgotten id or address."""
        return any(
            self.holds(word) for word in {*_ADDRESS.findall(text), *re.split(r"[\s\"',:;{}\[\]<>()=\\/&?|]+", text)}
        )


def _write_privately(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    # Made with its mode, not given it afterwards: nobody else ever sees it.
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    aside.replace(path)

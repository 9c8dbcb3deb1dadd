"""A refresh token that HubSpot has replaced, kept for the next process in a file that its owner alone may read."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from usage_pipeline.errors import Rejected


@dataclass(frozen=True)
class TokenFile:
    """The newest token that came of the one an installation was given; there is no file until one is replaced."""

    path: Path

    def newest(self, given: str) -> str:
        """What replaced the token `given`; itself where nothing has, or where another one was given since.

        Raises:
            Rejected: where there is a file and nothing can be read of it.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            is_of_given = kept["given"] == _fingerprint(given)
            return str(kept["refresh_token"]) if is_of_given else given
        except FileNotFoundError:
            return given
        except (OSError, ValueError, KeyError, TypeError):
            # Without the cause: it may quote the token.
            raise Rejected(
                f"the refresh token kept in {self.path} cannot be read",
                fix="remove the file and let the account install the app again",
            ) from None

    def keep(self, given: str, newest: str) -> None:
        """Write it down, whole or not at all; `Rejected` where that is not possible."""
        told = json.dumps({"given": _fingerprint(given), "refresh_token": newest})
        aside = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp makes it readable by its owner alone (0600), before there is anything in it.
            number, aside = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(told)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).replace(self.path)
        except OSError as failure:
            if aside:
                Path(aside).unlink(missing_ok=True)
            raise Rejected(
                f"HubSpot has replaced the refresh token, and {self.path} cannot be written: {failure.strerror}",
                fix="make that folder writable, and let the account install the app again: the old token may be void",
            ) from failure


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:16]

"""What can go wrong, sorted by what to do about it.

    Problem
    ├── Unavailable   try again: the other side is busy, away or asks us to wait
    └── Rejected      ask a person: the same request would be refused again

Raised where the cause is known, caught at the edge (the terminal, a Dagster
step, one row of a delivery). The message names the cause, the fix says what to do.
"""


class Problem(Exception):
    """Something a person may have to know about; `fix` is what they can do."""

    def __init__(self, cause: str, *, fix: str = "") -> None:
        super().__init__(f"{cause}\n  Fix: {fix}" if fix else cause)
        self.cause = cause
        self.fix = fix


class Unavailable(Problem):
    """Try again later: nothing is wrong with the request itself."""


class Rejected(Problem):
    """Ask a person: the same request would be refused again."""

"""How a benchmark ends: each missed goal in words, and the exit code of the command."""

import sys
from collections.abc import Iterable


def verdict(missed: Iterable[str | None], *, else_say: str = "every goal is met") -> int:
    """1 where a goal is missed, in which case `missed` has words for it, else 0."""
    told = [words for words in missed if words]
    for words in told:
        print(f"missed: {words}", file=sys.stderr)
    if not told:
        print(else_say)
    return 1 if told else 0

"""The day's API calls, by what each answer says of them."""

from collections.abc import Callable

import requests

from usage_pipeline.crm.rejections import BudgetSpent

# The day's calls are shared with everybody else's integrations: leave them some.
OUR_SHARE = 0.95


class Quota:
    """Reads `Sforce-Limit-Info: api-usage=8408/15000`; a `Pacer` that learns and never waits."""

    def __init__(self) -> None:
        self._used = 0
        self._allowed: int | None = None

    @property
    def left(self) -> int | None:
        """Calls that we may still make; None before the first answer."""
        return None if self._allowed is None else max(0, int(OUR_SHARE * self._allowed) - self._used)

    def guard(self) -> None:
        """Asked before something new begins, never in its middle, so that no result is lost.

        Raises:
            BudgetSpent: where the rest of the day belongs to others.
        """
        if self.left == 0:
            raise BudgetSpent(
                f"Salesforce: {self._used:,} of {self._allowed:,} daily API calls are used, and the rest is left to others",
                fix="run the apply again when the day's calls are renewed",
            )

    def before(self, path: str, sleep: Callable[[float], None]) -> float:  # noqa: ARG002 - of any path
        """Nothing to wait for: Salesforce has no limit per second."""
        return 0.0

    def lost(self, path: str, left_at: float) -> None:
        """The next answer tells of this call, too."""

    def after(self, path: str, response: requests.Response, left_at: float) -> None:  # noqa: ARG002 - of any path
        usage = response.headers.get("Sforce-Limit-Info", "").partition("api-usage=")[2].partition(";")[0]
        used, _, allowed = usage.partition("/")
        if used.isdigit() and allowed.isdigit():
            self._used, self._allowed = int(used), int(allowed)

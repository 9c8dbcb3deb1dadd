"""Who we are to HubSpot: a static token, or an OAuth access token that is renewed by the clock.

A 401 is no sign that a token must be renewed (the vendor's words, CRM_APIS 1.2), so it is renewed
before its end; only a refusal that says "expired" renews it once more, since clocks differ.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected

RENEW_BEFORE_END_S = 5 * 60


def keep(_refresh_token: str) -> None:
    """A new refresh token that nobody has to be told of: it is kept while the client lives."""


@dataclass(frozen=True)
class Refresh:
    """OAuth credentials of an app that an account has installed."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    on_rotation: Callable[[str], None] = field(default=keep, repr=False)
    """Told of a new refresh token before it is first used; where the next process must know it, write it down."""


class Authorization:
    """Keeps the session's token good."""

    def __init__(
        self, credentials: str | Refresh, caller: Caller, token_path: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._caller = caller
        self._path = token_path
        self._clock = clock
        self._app = credentials if isinstance(credentials, Refresh) else None
        self._refresh_token = self._app.refresh_token if self._app else ""
        self._good_until = 0.0 if self._app else float("inf")
        if isinstance(credentials, str):
            caller.session.headers["Authorization"] = f"Bearer {credentials}"

    @property
    def can_renew(self) -> bool:
        return self._app is not None

    def ensure(self) -> None:
        """Renew the token when its end is near."""
        if self._clock() >= self._good_until:
            self.renew()

    def renew(self) -> None:
        """A new access token; `Rejected` where the app's credentials are not accepted."""
        if self._app is None:
            return
        form = {
            "grant_type": "refresh_token",
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret,
            "refresh_token": self._refresh_token,
        }
        try:
            # Asking twice gives two tokens, and both are good.
            answer = self._caller.call("POST", self._path, Class.SAFE, data=form).json()
        except Refused as refused:
            raise Rejected(
                f"HubSpot gives no access token: {refused.cause}",
                fix="check the app's client id and secret, and let the account install the app again",
            ) from refused
        rotated = str(answer.get("refresh_token") or self._refresh_token)
        if rotated != self._refresh_token:
            self._refresh_token = rotated
            self._app.on_rotation(rotated)
        self._caller.session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self._good_until = self._clock() + float(answer["expires_in"]) - RENEW_BEFORE_END_S

"""Who we are to HubSpot: a static token, or an OAuth access token that is renewed by the clock.

A 401 is no sign that a token must be renewed (the vendor's words, CRM_APIS 1.2), so it is renewed
before its end; only a refusal that says "expired" renews it once more, since clocks differ.

Every renewal is answered with a refresh token, too. HubSpot's pages ("Manage OAuth access tokens with
the 2026-03 API", "Refresh an access token" of v1) call it long-term and have it stored at installation;
what they say neither promises nor rules out that it changes, and third parties say both (HGData/mk-node-hubspot#19
takes it for immutable, Educative's course on HubSpot has the old one void). So one that has changed is kept.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from usage_pipeline.crm.calling import Caller, Class
from usage_pipeline.crm.rejections import Refused
from usage_pipeline.errors import Rejected

RENEW_BEFORE_END_S = 5 * 60


class TokenStore(Protocol):
    """Where a replaced refresh token outlives the process."""

    def newest(self, given: str) -> str:
        """What replaced the token that the installation was given; itself where nothing has."""

    def keep(self, given: str, newest: str) -> None:
        """Write down what replaced it."""


@dataclass(frozen=True)
class Refresh:
    """OAuth credentials of an app that an account has installed."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """As the installation was given it; what replaced it since is in the store."""
    store: TokenStore | None = None


class Authorization:
    """Keeps the token good, for any number of threads."""

    def __init__(
        self, credentials: str | Refresh, caller: Caller, token_path: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._caller = caller
        self._path = token_path
        self._clock = clock
        self._app = credentials if isinstance(credentials, Refresh) else None
        self._refresh_token = _newest(self._app) if self._app else ""
        self._good_until = 0.0 if self._app else float("inf")
        self._token = credentials if isinstance(credentials, str) else ""
        self._guard = threading.Lock()

    @property
    def can_renew(self) -> bool:
        return self._app is not None

    def token(self) -> str:
        """A token to call with, renewed when its end is near; `Rejected` where the app's credentials are not accepted."""
        # Whoever comes while another renews it waits, and finds it renewed.
        with self._guard:
            if self._app and self._clock() >= self._good_until:
                self._renew(self._app)
            return self._token

    def renew(self, used: str) -> None:
        """A token in the place of one that the portal says has expired, unless another thread has had one since."""
        with self._guard:
            if self._app and self._token == used:
                self._renew(self._app)

    def _renew(self, app: Refresh) -> None:
        try:
            answer = self._ask(app)
        except Refused as refused:
            newest = _newest(app)
            if newest == self._refresh_token:
                raise _no_token(refused) from refused
            # Another process was faster, and ours is void since.
            self._refresh_token = newest
            try:
                answer = self._ask(app)
            except Refused as again:
                raise _no_token(again) from again
        rotated = str(answer.get("refresh_token") or self._refresh_token)
        if rotated != self._refresh_token:
            _keep(app, rotated)
            self._refresh_token = rotated
        self._token = str(answer["access_token"])
        self._good_until = self._clock() + float(answer["expires_in"]) - RENEW_BEFORE_END_S

    def _ask(self, app: Refresh) -> dict[str, Any]:
        form = {
            "grant_type": "refresh_token",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "refresh_token": self._refresh_token,
        }
        # Asking twice gives two access tokens, and both are good.
        answer: dict[str, Any] = self._caller.call("POST", self._path, Class.SAFE, data=form).json()
        return answer


def _newest(app: Refresh) -> str:
    return app.store.newest(app.refresh_token) if app.store else app.refresh_token


def _keep(app: Refresh, rotated: str) -> None:
    if app.store is None:
        raise Rejected(
            "HubSpot has replaced the refresh token, and there is nowhere to keep the new one: the next run would be locked out",
            fix="say where it is to be kept, and let the account install the app again: the old token may be void",
        )
    app.store.keep(app.refresh_token, rotated)


def _no_token(refused: Refused) -> Rejected:
    return Rejected(
        f"HubSpot gives no access token: {refused.cause}",
        fix="check the app's client id and secret, and let the account install the app again",
    )

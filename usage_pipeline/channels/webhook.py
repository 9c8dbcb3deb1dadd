"""A receiver of one's own: signed, repeated until it arrives, in order per account.

For in-app messages and whatever else a company hangs behind it. Arrives at least once; the id lets the
receiver drop repeats (Standard Webhooks 1.0.0, see `signing`).
"""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from itertools import chain

import requests

from usage_pipeline.channels import answers, signing
from usage_pipeline.channels.address import Address, Conversation, hush
from usage_pipeline.channels.client import ChannelName, Message
from usage_pipeline.crm.calling import Caller, Class, Wait

URL, SECRET = "USAGE_WEBHOOK_URL", "USAGE_WEBHOOK_SECRET"
# Of what a receiver says against a message: enough to see why.
LONGEST_DETAIL = 200


class Webhook:
    """The receiver at one address."""

    name: ChannelName = "webhook"
    sending_class = Class.IDEMPOTENT
    keeps_order = True

    def __init__(
        self, url: str, secrets: str, now: Callable[[], datetime], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._address = Address.of(url, URL)
        self.instance = f"webhook:{self._address.host}"
        self.is_on_this_machine = self._address.is_on_this_machine
        self._now = now
        session = Conversation(self._address)
        session.auth = signing.Signed(signing.keys(secrets, SECRET), now)
        self._hush = hush(chain(self._address.secrets(), secrets.split()))
        self._caller = Caller(self._address.origin, self._verdict, session=session, sleep=sleep)

    def __repr__(self) -> str:
        return f"Webhook({self.instance})"

    def send(self, message: Message) -> None:
        self._caller.call("POST", "/", self.sending_class, data=body(message), headers={"Webhook-Id": message.key})

    def _verdict(self, response: requests.Response) -> Wait | None:
        if response.ok and response.status_code < 300:
            return None
        wait = answers.waiting(response, self._address.host, self._now)
        if wait is not None:
            return wait
        said = re.sub(r"\s+", " ", self._hush.hushed(response.text)).strip()[:LONGEST_DETAIL]
        status = response.status_code
        detail = f"{self._address.host} answered {status}" + (f": {said}" if said else "")
        raise answers.refused(status, detail, URL)


def body(message: Message) -> bytes:
    """The message as JSON, small and always the same: it is signed byte by byte."""
    content = {"type": message.type, "timestamp": f"{message.created}T00:00:00Z", "data": _data(message)}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _data(message: Message) -> dict[str, str | None]:
    words = {"subject": message.subject, "body": message.body}
    if message.type == "operator.alert":
        return {"alert": message.play, "about": message.episode, **words}
    about = {"account_id": message.account_id, "play": message.play, "episode": message.episode}
    return {**about, **words, "tier": message.tier, "link": message.link}

"""Slack, by an incoming webhook: one channel, at most one message a second, each at most once.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
Slack takes no key by which a repeat could be dropped and lets nobody read through such a webhook. So a
message whose answer was lost is never sent again; it stays unknown, for a person to look in the channel.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from datetime import datetime

import requests

from usage_pipeline.channels import answers, blocks
from usage_pipeline.channels.address import Address, Conversation, hush
from usage_pipeline.channels.client import ChannelName, Message
from usage_pipeline.crm.calling import Caller, Class, Wait

URL = "USAGE_SLACK_URL"
# Incoming webhooks: one per second (https://docs.slack.dev/apis/web-api/rate-limits, "Posting messages").
SECONDS_BETWEEN = 1.0


class EverySecond:
    """Lets one call a second leave, repetitions included."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left_at: float | None = None

    def before(self, path: str, sleep: Callable[[float], None]) -> float:  # noqa: ARG002 - of any path
        if self._left_at is not None and (left := self._left_at + SECONDS_BETWEEN - self._clock()) > 0:
            sleep(left)
        self._left_at = self._clock()
        return self._left_at

    def after(self, path: str, response: requests.Response, left_at: float) -> None:
        """Slack's answers do not tell how much is left."""

    def lost(self, path: str, left_at: float) -> None:
        """It counts all the same."""


class Slack:
    """The Slack channel behind one incoming webhook."""

    name: ChannelName = "slack"
    sending_class = Class.UNSAFE
    keeps_order = False

    def __init__(
        self,
        url: str,
        now: Callable[[], datetime],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = Address.of(url, URL)
        # The address is all that it takes to post: only its hash is kept.
        self.instance = "slack:" + hashlib.sha256(self._address.url.encode()).hexdigest()[:16]
        self.is_on_this_machine = self._address.is_on_this_machine
        self._now = now
        hush(self._address.secrets())
        session = Conversation(self._address)
        self._caller = Caller(
            self._address.origin, self._verdict, session=session, sleep=sleep, pacer=EverySecond(clock)
        )

    def __repr__(self) -> str:
        return f"Slack({self.instance})"

    def send(self, message: Message) -> None:
        content = json.dumps(blocks.of(message), ensure_ascii=False).encode()
        self._caller.call("POST", "/", self.sending_class, data=content)

    def _verdict(self, response: requests.Response) -> Wait | None:
        if response.ok and response.status_code < 300:
            return None
        wait = answers.waiting(response, self._address.host, self._now)
        if wait is not None:
            return wait
        # An error is one word ("invalid_payload"); whatever else comes is of no use to a reader.
        word = response.text.strip()
        said = f": {word}" if re.fullmatch(r"[a-z_]{1,60}", word) else ""
        raise answers.refused(response.status_code, f"Slack answered {response.status_code}{said}", URL)

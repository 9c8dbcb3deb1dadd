"""Channels to a receiver on loopback, with a clock that only sleeping moves."""

import base64
from datetime import date, datetime, timedelta

from usage_pipeline.channels.client import Message, message_key
from usage_pipeline.channels.slack import Slack
from usage_pipeline.channels.webhook import Webhook

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
MORNING = date(2026, 5, 4)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.start = datetime(2026, 5, 4, 12)
        self.slept = []

    @property
    def seconds(self):
        return sum(self.slept)

    def now(self):
        return self.start + timedelta(seconds=self.seconds)

    def sleep(self, seconds):
        self.slept.append(seconds)

    def monotonic(self):
        return 1000.0 + self.seconds


def webhook(receiver, clock=None, secret=SECRET):
    clock = clock or Clock()
    return Webhook(receiver.url, secret, clock.now, sleep=clock.sleep)


def slack(receiver, clock=None):
    clock = clock or Clock()
    return Slack(receiver.url, clock.now, sleep=clock.sleep, clock=clock.monotonic)


def message(account="a", channel="webhook", *, play="red_churn_risk", body="Use fell.", created=MORNING, **more):
    episode = f"{account}:{play}:{created}"
    key = message_key(account, play, episode, channel)
    return Message(key, account, channel, created, play, episode, f"Call {account}", body, **more)

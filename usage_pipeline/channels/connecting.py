"""The channels that an installation's settings name."""

from collections.abc import Callable
from datetime import datetime

from usage_pipeline.channels.client import Channel, ChannelName
from usage_pipeline.channels.slack import Slack
from usage_pipeline.channels.webhook import Webhook


def connect(
    *, webhook_url: str, webhook_secret: str, slack_url: str, now: Callable[[], datetime]
) -> dict[ChannelName, Channel]:
    """A channel per address that is set, by name. Sends nothing yet; `Rejected` for one that cannot be used."""
    found: dict[ChannelName, Channel] = {}
    if webhook_url:
        found["webhook"] = Webhook(webhook_url, webhook_secret, now)
    if slack_url:
        found["slack"] = Slack(slack_url, now)
    return found

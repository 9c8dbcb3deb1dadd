"""Where messages go besides the CRMs: a webhook of one's own and Slack, and how each is called.

`client.Channel` is the interface, `connecting.connect` the door.
"""

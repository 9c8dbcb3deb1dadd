"""A message as Slack's Block Kit: header, sections, context.

https://docs.slack.dev/reference/block-kit/blocks and
https://docs.slack.dev/messaging/formatting-message-text (which characters are escaped).
"""

from collections.abc import Iterator
from typing import Any

from usage_pipeline.channels.client import Message

LONGEST_HEADER = 150
LONGEST_TEXT = 3000
MOST_BLOCKS = 50
MORE = "…"


def of(message: Message) -> dict[str, Any]:
    """The JSON that an incoming webhook takes; `text` is what a notification shows."""
    # Header and context take their place, and so does what may have to say that there is more.
    sections = list(_pieces(message.body))
    room = MOST_BLOCKS - 2
    if len(sections) > room:
        sections = [*sections[: room - 1], MORE]
    return {
        "text": shortened(escaped(message.subject)),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": _headline(message.subject), "emoji": False}},
            *({"type": "section", "text": _mrkdwn(text)} for text in sections),
            {"type": "context", "elements": [_mrkdwn(text) for text in _context(message)]},
        ],
    }


def escaped(text: str) -> str:
    """Text in which Slack reads neither a mention nor a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str) -> str:
    """Escaped text within the limit, with no escape cut in two."""
    if len(text) <= LONGEST_TEXT:
        return text
    head = text[: LONGEST_TEXT - len(MORE)]
    begun = head.rfind("&")
    return (head[:begun] if begun > head.rfind(";") else head) + MORE


def _headline(subject: str) -> str:
    plain = " ".join(subject.split()) or "Message"
    return plain if len(plain) <= LONGEST_HEADER else plain[: LONGEST_HEADER - len(MORE)] + MORE


def _mrkdwn(text: str) -> dict[str, Any]:
    # verbatim: an account that is called "@channel" or "#sales" stays a name.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _context(message: Message) -> list[str]:
    """What it is about, where the account is found, and the key by which a person finds the message again."""
    if message.type == "operator.alert":
        told = [f"Alert {message.play}"]
    else:
        told = [f"Account {message.account_id}", f"play {message.play}"]
    if message.tier:
        told.append(f"tier {message.tier}")
    told += [f"morning of {message.created}", message.key]
    texts = [shortened(escaped(", ".join(told)))]
    if message.link and message.link.startswith(("https://", "http://")):
        address = escaped(message.link).replace("|", "%7C")
        if len(address) < LONGEST_TEXT - 50:
            texts.append(f"<{address}|Open the account>")
    return texts


def _pieces(body: str) -> Iterator[str]:
    """The body, escaped, in texts within the limit, broken between lines where that is possible."""
    piece = ""
    for line in body.strip().splitlines(keepends=True):
        for part in _parts(line):
            if len(piece) + len(part) > LONGEST_TEXT:
                if piece.strip():
                    yield piece.rstrip()
                piece = ""
            piece += part
    if piece.strip():
        yield piece.rstrip()


def _parts(line: str) -> Iterator[str]:
    """A line, escaped, in parts within the limit; nearly always one."""
    part = ""
    for letter in map(escaped, line):
        if len(part) + len(letter) > LONGEST_TEXT:
            yield part
            part = ""
        part += letter
    yield part

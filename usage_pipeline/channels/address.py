"""An address that is itself a secret: called by a word, and told to nobody."""

import logging
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from usage_pipeline.crm.calling import is_on_this_machine, was_never_sent
from usage_pipeline.crm.rejections import Cause, Refused, Rejection
from usage_pipeline.errors import Rejected

# A receiver has 15 to 30 seconds to answer (Standard Webhooks 1.0.0, "Request timeouts").
TIMEOUT_S = (5.0, 30.0)
# A shorter part of a path is a word like "hooks" or "v1".
SHORTEST_SECRET = 6
HIDDEN = "(hidden)"


@dataclass(frozen=True, repr=False)
class Address:
    """An https URL (http on loopback alone) and what may be said of it."""

    url: str
    host: str
    """With its port, where it names one."""

    @classmethod
    def of(cls, url: str, setting: str) -> "Address":
        """The address in a setting; `Rejected` names the setting and never the address."""
        try:
            parts = urlsplit(url.strip())
            port, host = parts.port, parts.hostname
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if not host or parts.scheme not in {"http", "https"}:
            raise Rejected(f"{setting} is no address", fix=f"set {setting} to the whole https:// URL")
        if parts.scheme == "http" and not is_on_this_machine(url):
            raise Rejected(
                f"{setting} is not https: everybody on the way could read the messages",
                fix=f"set {setting} to an https:// URL; http is for this machine alone",
            )
        if parts.username is not None or parts.fragment:
            raise Rejected(
                f"{setting} holds a user name or a fragment, which are never sent",
                fix="leave them out; the signature says who sends",
            )
        bracketed = f"[{host}]" if ":" in host else host
        return cls(url.strip(), bracketed if port is None else f"{bracketed}:{port}")

    @property
    def origin(self) -> str:
        return f"{urlsplit(self.url).scheme}://{self.host}"

    @property
    def is_on_this_machine(self) -> bool:
        return is_on_this_machine(self.url)

    def secrets(self) -> Iterator[str]:
        """Every part of it that may let somebody else send."""
        parts = urlsplit(self.url)
        words = [self.url, parts.path + (f"?{parts.query}" if parts.query else ""), parts.path, parts.query]
        words += [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query, keep_blank_values=True))]
        for word in words:
            yield from (one for one in (word, unquote(word)) if len(one) >= SHORTEST_SECRET)


class Conversation(requests.Session):
    """A session with one secret address; whatever address it is given is a mere word for messages."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self.headers.update({"User-Agent": "usage-pipeline", "Content-Type": "application/json"})

    def request(self, method: str | bytes, url: str | bytes, *_: Any, **options: Any) -> requests.Response:  # noqa: ARG002
        """Ask the address itself; follows no redirect, which would carry message and signature elsewhere."""
        options |= {"allow_redirects": False, "timeout": TIMEOUT_S}
        problem: Exception
        try:
            response = super().request(method, self._address.url, **options)
        except requests.RequestException as failure:
            problem = self._without_secrets(failure)
        else:
            if response.ok:
                # A 2xx is a success whatever its body holds (Standard Webhooks 1.0.0, "Delivery success and
                # failure"); a body that says it is JSON and is not must not read as a torn answer.
                response.headers.pop("Content-Type", None)
            return response
        # Out here, so that it does not carry along the library's own, which names the whole address.
        raise problem

    def _without_secrets(self, failure: requests.RequestException) -> Exception:
        """What went wrong, with the host alone; whether the message had left stays told by the kind."""
        host = self._address.host
        if _is_of_certificate(failure):
            return untrusted(self._address)
        # A proxy that refuses the tunnel lets nothing through it.
        if was_never_sent(failure) or isinstance(failure, requests.exceptions.ProxyError):
            return requests.ConnectTimeout(f"{host} could not be reached")
        if isinstance(failure, requests.Timeout):
            return requests.ReadTimeout(f"{host} did not answer in time")
        return requests.ConnectionError(f"the connection with {host} broke")


def untrusted(address: Address) -> Refused:
    detail = f"the certificate of {address.host} is not trusted; nothing was sent"
    fix = "mend the receiver's certificate, or have its authority trusted here (REQUESTS_CA_BUNDLE)"
    return Refused(Rejection(Cause.PERMISSION, detail, fix), status=0, concerns_all=True)


def _is_of_certificate(failure: requests.RequestException) -> bool:
    """Refused by us in the handshake: certainly before the message left."""
    reason: Any = getattr(failure.args[0], "reason", None) if failure.args else None
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in getattr(reason, "args", ()))


class Hush(logging.Filter):
    """Takes secrets out of what the HTTP library logs: it names the path of every request."""

    def __init__(self, secrets: Iterator[str]) -> None:
        super().__init__()
        self._pattern = re.compile("|".join(re.escape(one) for one in sorted(set(secrets), key=len, reverse=True)))

    def __eq__(self, other: object) -> bool:
        # A log keeps equal filters once, however often a channel is opened.
        return isinstance(other, Hush) and other._pattern == self._pattern

    def __hash__(self) -> int:
        return hash(self._pattern)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.hushed(record.getMessage()), ()
        return True

    def hushed(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern.pattern else text


def hush(secrets: Iterator[str]) -> Hush:
    """Keep these out of the HTTP library's log from now on."""
    made = Hush(secrets)
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(made)
    return made

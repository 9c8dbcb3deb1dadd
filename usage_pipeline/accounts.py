"""Who: an account, and how product, CRM and billing name it."""

from importlib import resources
from typing import NewType

AccountId = NewType("AccountId", str)
"""The id that the product gives a customer account."""

CrmId = NewType("CrmId", str)
"""The id that one CRM gives a record; means nothing outside that CRM instance."""

# Mail hosts that say nothing about the company behind an address or a record.
FREE_MAIL = frozenset(
    line
    for line in resources.files("usage_pipeline").joinpath("free_mail.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


def domain_of(text: str | None) -> str | None:
    """The company domain in an address, URL or host name; None where there is none.

    Lower case, without scheme, path, port and a leading "www."; a free-mail host is None,
    since two strangers share it.
    """
    if not text:
        return None
    host = text.strip().lower().rpartition("@")[2]
    host = host.partition("://")[2] or host
    host = host.partition("/")[0].partition(":")[0].removeprefix("www.").rstrip(".")
    if "." not in host or host in FREE_MAIL:
        return None
    return host

"""Values of the environment that a mapping names, and texts that must not repeat them."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from usage_pipeline.errors import Rejected

# A shorter one is in every other word, and striking it would leave no message to read.
SHORTEST = 4


def value(variables: Mapping[str, str], name: str, source: str) -> str:
    """What the environment says under `name`; `Rejected` where it says nothing."""
    found = variables.get(name, "")
    if not found:
        raise Rejected(
            f"{source}: the mapping reads {name}, which is not set", fix=f"set {name} in the environment or in .env"
        )
    return found


class Hidden:
    """Strikes secrets out of what somebody else's error says."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))}
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)

    def struck(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, "***")
        return text

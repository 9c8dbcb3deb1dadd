"""Which event names may mean what, by the words in them."""

import re

_WORDS = {
    "login": r"log(ged)?[ _-]?(in|on)|sign(ed)?[ _-]?in|log_?in|session[ _-]?start(ed)?|app[ _-]?open(ed)?",
    "invite": r"invit",
    "integration_removed": r"disconnect|integration.*(remov|delet|uninstall)|uninstall",
    "integration_added": r"integration.*(add|connect|install|creat|enabl)|connect.*integration|\bconnect(ed)?\b",
    "activation": r"activat|onboarding[ _-]?(complet|finish|done)|setup[ _-]?(complet|finish)|first[ _-]",
    "value": r"export|publish|shar(e|ed|ing)\b|report.*(creat|made|run|generat)|(creat|generat|complet|send|sent|deploy|pay|paid|book|order|purchas).*",
}
# These words mean one thing; whether an export is what a customer pays for is for a person to say.
_CLEAR = ("login", "invite")


def proposed(names: dict[str, int]) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Per role the names that may have it, and whether that is clear; a name has one role."""
    found: dict[str, tuple[tuple[str, ...], bool]] = {}
    used: set[str] = set()
    for role, words in _WORDS.items():
        fitting = tuple(name for name in names if name not in used and re.search(words, name.lower()))
        if fitting:
            found[role] = (fitting, role in _CLEAR)
            used |= set(fitting)
    return found


def is_login(name: str) -> bool:
    """Whether the name says that somebody is there, without doing anything."""
    return re.search(_WORDS["login"], name.lower()) is not None

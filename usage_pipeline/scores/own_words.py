"""What a company's own metric says of an account, in the mapping's words."""

from usage_pipeline.features.feature import Feature
from usage_pipeline.scores import wording
from usage_pipeline.scores.wording import Account, beside, changed, figure, moved, share


def sentence(account: Account, feature: Feature) -> str | None:
    """The figure, its change, its trend or its place among similar accounts; None where it is not known."""
    own = account.number(feature.name)
    if own is None:
        return None
    words, span = _begun_small(feature.words), f"{feature.days} days"
    if feature.against == "peers":
        return _place(account, words, own)
    if feature.against == "itself" and feature.compares:
        return _change(account, feature, words, own)
    if feature.against == "itself":
        usual = account.peer(feature.name)
        over = [None if slope is None else max(-1.0, slope * feature.days) for slope in (own, usual)]
        return beside(changed(words, over[0], span), over[1])
    return wording.level(account, feature.name, lambda value: f"{words}: {figure(value)} in {span}")


def _place(account: Account, words: str, place: float) -> str | None:
    peers = account.number("peers")
    if peers is None or peers < 10:
        return None
    return f"{words}: {share(place)} of similar accounts have no more"


def _change(account: Account, feature: Feature, words: str, change: float) -> str | None:
    now = account.number(feature.compares)
    if now is None:
        return None
    if change <= -1:
        return f"{words}: none in {feature.days} days, but some in the {feature.days} before"
    return beside(moved(words, now / (1 + change), now, f"{feature.days} days"), account.peer(feature.name))


def _begun_small(words: str) -> str:
    """As reasons begin; an abbreviation stays as it is."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]

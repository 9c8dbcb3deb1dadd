"""Falls of one account against its own learned normal (ALR-02, ALR-06)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from usage_pipeline.scores import phrases, wording
from usage_pipeline.scores.wording import Account, counted, figure, share


@dataclass(frozen=True)
class Signal:
    """One thing that changed; the figures are in the unit that the text names."""

    kind: str
    severity: str
    text: str
    suggestion: str
    value: float | None = None
    own_usual: float | None = None
    peer_usual: float | None = None


HIGH, MEDIUM, LOW = "high", "medium", "low"

# Two standard deviations of its own twelve weeks: about one calm week in forty.
UNUSUAL = -2.0
VERY_UNUSUAL = -3.0

# Feature events missing from the week. In an account of a few events a week one person's
# holiday is two deviations; it is no news to anyone.
FEWER_USES = 15

# The usual of an account that never varies has no deviation to be measured in: half is unusual.
OF_A_CONSTANT = 0.5

# People missing; one or two are a change of job or a holiday.
FEWER_USERS = 3

# The slope of weekly active people against its own noise, one-sided 2.5 % at 13 weeks.
FALLING_T = -2.2

# More than similar accounts drop, and a quarter of what it used; one rare feature comes and goes.
FEWER_FEATURES = 2
OF_ITS_FEATURES = 0.25


def falls(account: Account) -> Iterator[Signal]:
    """Every fall that the account's snapshot shows."""
    for find in _FINDERS:
        signal = find(account)
        if signal is not None:
            yield signal


def usage_drop(a: Account) -> Signal | None:
    """The last week's feature events lie below the account's own usual week."""
    uses, usual = a.number("uses_7d"), _usual_week(a)
    if uses is None or usual is None or usual - uses < FEWER_USES or not _is_unusual(a):
        return None
    deviation, peers = a.number("uses_deviation_7d"), a.peer("uses_vs_usual")
    text = f"feature events fell to {figure(uses)} in the last week, from a usual {figure(round(usual))}"
    if peers is not None:
        text += f"; similar accounts were at {share(peers)} of their usual"
    is_high = uses == 0 or (deviation is not None and deviation <= VERY_UNUSUAL)
    return Signal(
        "usage_drop",
        HIGH if is_high else MEDIUM,
        text,
        "Ask the champion what changed: a finished project, a change of people, or something that does not work.",
        value=uses,
        own_usual=usual,
        peer_usual=None if peers is None else peers * usual,
    )


def users_lost(a: Account) -> Signal | None:
    """Fewer people than in the four weeks before, and more than its own noise explains."""
    now, before, t_value = a.number("users_28d"), a.number("users_28d_before"), a.number("wau_slope_t_90d")
    if now is None or before is None or before - now < FEWER_USERS:
        return None
    if not _is_unusual(a) and (t_value is None or t_value > FALLING_T):
        return None
    change = a.usual_change("users_change_28d", "users_change_vs_peers")
    text = wording.beside(wording.moved("active users", before, now, "four weeks"), change)
    return Signal(
        "users_lost",
        HIGH if now <= before / 2 else MEDIUM,
        text or "",
        "Find out who left and why, and offer the team an introduction for whoever follows.",
        value=now,
        own_usual=before,
        peer_usual=None if change is None else before * (1 + change),
    )


def feature_abandoned(a: Account) -> Signal | None:
    """Features of the four weeks before that nobody used since, beyond the usual coming and going."""
    lost, now, before = a.number("features_lost_28d"), a.number("features_28d"), a.number("features_28d_before")
    # Where nothing at all is in use any more the account fell silent, and no single feature is to blame.
    if lost is None or before is None or not now:
        return None
    usual = a.peer("features_lost_28d")
    if lost - (usual or 0.0) < FEWER_FEATURES or before - now < OF_ITS_FEATURES * before:
        return None
    text = f"{counted(lost, 'feature', 'features')} not used any more, {figure(now)} in use after {figure(before)} four weeks before"
    if usual is not None:
        text += f"; similar accounts dropped {'none' if usual == 0 else figure(usual)}"
    return Signal(
        "feature_abandoned",
        HIGH if now <= before / 2 else MEDIUM,
        text,
        "Show the people concerned what the dropped features are for, on a case of their own.",
        value=now,
        own_usual=before,
        peer_usual=None if usual is None else before - usual,
    )


def integration_removed(a: Account) -> Signal | None:
    """An integration was taken out; what hangs on others' systems is the last thing customers let go."""
    removed = a.number("integrations_removed_90d")
    text = phrases.sentence(a, "integrations_removed_90d")
    if not removed or text is None:
        return None
    left, usual = a.number("integrations"), a.peer("integrations")
    if usual is not None:
        text += f"; similar accounts have {'none' if usual == 0 else figure(usual)}"
    return Signal(
        "integration_removed",
        MEDIUM if left else HIGH,
        text,
        "Ask what replaced the integration, and have it set up again if it simply broke.",
        value=left,
        own_usual=None if left is None else left + removed,
        peer_usual=usual,
    )


_FINDERS: tuple[Callable[[Account], Signal | None], ...] = (
    usage_drop,
    users_lost,
    feature_abandoned,
    integration_removed,
)


def _is_unusual(a: Account) -> bool:
    deviation, against = a.number("uses_deviation_7d"), a.number("uses_vs_usual")
    if deviation is not None:
        return deviation <= UNUSUAL
    return against is not None and against <= OF_A_CONSTANT


def _usual_week(a: Account) -> float | None:
    """Feature events of a usual week; from the quarter where the last week has none to divide by."""
    uses, against, quarter = a.number("uses_7d"), a.number("uses_vs_usual"), a.number("uses_90d")
    if uses and against:
        return uses / against
    return None if quarter is None or uses is None else (quarter - uses) * 7 / 83

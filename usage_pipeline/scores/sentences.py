"""The sentences that reasons are made of: what a seller would say, with the account's own figures.

A sentence gets the account and is None where the snapshot does not know enough for it.
"""

from collections.abc import Callable

from usage_pipeline.company import Kind
from usage_pipeline.scores import wording
from usage_pipeline.scores.wording import Account, beside, changed, counted, figure, moved, share

Sentence = Callable[[Account], str | None]
Form = Callable[[float], str]

WEEKS = 13
ONE_WEEK, TWO_WEEKS, FOUR_WEEKS, QUARTER = "the last week", "two weeks", "four weeks", "90 days"


def level(name: str, text: str, *, form: Form = figure, brief: Form | None = None) -> Sentence:
    """The column's value in `text`, beside the peers' value."""
    return lambda a: wording.level(a, name, lambda v: text.format(form(v)), brief=brief or form)


def count(name: str, text: str, one: str, many: str, *, none: str = "") -> Sentence:
    """A number of things: "no invite", "1 invite", "7 invites"."""

    def form(v: float) -> str:
        return (none or f"no {one}") if v == 0 else counted(v, one, many)

    return level(name, text, form=form, brief=lambda v: "none" if v == 0 else figure(v))


def unless_zero(name: str, say: Sentence) -> Sentence:
    """For what many inputs never state: 0 may be "none" or "not told"."""
    return lambda a: say(a) if a.number(name) else None


def of_people(say: Sentence) -> Sentence:
    """Events that name nobody say nothing of people; no events at all say enough."""

    def sentence(a: Account) -> str | None:
        if a.number("users_90d"):
            return say(a)
        return f"nobody was active in {QUARTER}" if a.number("events_90d") == 0 else None

    return sentence


def people(name: str, text: str) -> Sentence:
    return of_people(count(name, text, "person", "people", none="nobody"))


def moved_from(what: str, before: str, now: str, span: str, peers: Callable[[Account], float | None]) -> Sentence:
    return lambda a: beside(moved(what, a.number(before), a.number(now), span), peers(a))


def moved_by(what: str, now: str, change: str) -> Sentence:
    """Where only the change is kept: the value before follows from it."""

    def sentence(a: Account) -> str | None:
        current, ratio = a.number(now), a.number(change)
        if current is None or ratio is None:
            return None
        if ratio <= -1:
            return f"{what} stopped in {FOUR_WEEKS}"
        return beside(moved(what, float(round(current / (1 + ratio))), current, FOUR_WEEKS), a.peer(change))

    return sentence


def trend(what: str, slope: str, steps: int, span: str) -> Sentence:
    """A slope per step, as what it means over all steps."""

    def over(per_step: float | None) -> float | None:
        # A fitted line may fall by more than the mean that it is measured in.
        return None if per_step is None else max(-1.0, per_step * steps)

    return lambda a: beside(changed(what, over(a.number(slope)), span), over(a.peer(slope)))


def last_use(a: Account) -> str | None:
    since = a.number("days_since_last_use")
    if since is None:
        return "never used so far"
    if since <= 1:
        return "last used yesterday"
    return wording.level(a, "days_since_last_use", lambda v: f"last used {days_ago(v)}", brief=days_ago)


def usual_week(a: Account) -> str | None:
    return _against_usual(a, "uses_vs_usual", ONE_WEEK, "its usual week")


def usual_month(a: Account) -> str | None:
    return _against_usual(a, "uses_vs_year", FOUR_WEEKS, "the mean of its year")


def _against_usual(a: Account, name: str, span: str, norm: str) -> str | None:
    against, usual = a.number(name), a.peer(name)
    if against is None:
        return None
    if against == 0:
        text = f"no feature use in {span}"
    elif abs(against - 1) < 0.05:
        text = f"feature use of {span} was as usual"
    else:
        text = f"feature use of {span} was {share(abs(against - 1))} {'above' if against > 1 else 'below'} {norm}"
    return text if usual is None else f"{text}; similar accounts were at {share(usual)} of theirs"


def since_last_year(a: Account) -> str | None:
    return changed("feature use", a.number("uses_vs_last_year"), "a year")


def points(now: str, change: str, what: str) -> Sentence:
    """A share that moved: in shares before and after."""

    def sentence(a: Account) -> str | None:
        current, by = a.number(now), a.number(change)
        if current is None or by is None:
            return None
        before = min(1.0, max(0.0, current - by))
        if share(before) == share(current):
            return f"{what} stayed at {share(current)}"
        return f"{what} {'rose' if by > 0 else 'fell'} from {share(before)} to {share(current)} in {FOUR_WEEKS}"

    return sentence


def rank(name: str, more: str, less: str) -> Sentence:
    """By the share of similar accounts with no more; None below ten of them."""

    def sentence(a: Account) -> str | None:
        place, peers = a.number(name), a.number("peers")
        if place is None or peers is None or peers < 10:
            return None
        if place >= 0.5:
            return f"{more} than {share(place)} of similar accounts"
        return f"{share(1 - place)} of similar accounts {less}"

    return sentence


def of_all_features(a: Account) -> str | None:
    used, part = a.number("features_28d"), a.number("features_share_28d")
    if not used or not part:
        return None
    return wording.level(
        a, "features_28d", lambda v: f"uses {figure(v)} of {counted(round(v / part), 'feature', 'features')}"
    )


def features_moved(a: Account) -> str | None:
    text = moved("features in use", a.number("features_28d_before"), a.number("features_28d"), FOUR_WEEKS)
    usual = a.peer("features_28d")
    return text if text is None or usual is None else f"{text}; similar accounts use {figure(usual)}"


def weekday(a: Account) -> str | None:
    fall, usual = a.number("weekday_fall_28d"), a.peer("weekday_fall_28d")
    if fall is None or fall >= -0.005:
        return None
    text = f"its weakest weekday fell {share(-fall)} in {FOUR_WEEKS}"
    return text if usual is None or usual >= -0.005 else f"{text}; that of similar accounts {share(-usual)}"


def activated(a: Account) -> str | None:
    took, is_activated = a.number("days_to_activation"), a.claim("is_activated")
    if took is not None:
        return wording.level(a, "days_to_activation", lambda v: f"activated {in_days(v)} after sign-up", brief=in_days)
    if is_activated is None:
        return "not activated so far"
    return "activated in its first 30 days" if is_activated else "did not activate in its first 30 days"


def seats_moved(a: Account) -> str | None:
    paid, change = a.number("seats"), a.number("seats_change_90d")
    return None if paid is None or change is None else moved("seats", paid - change, paid, QUARTER)


def seats_used(a: Account) -> str | None:
    paid, people, usual = a.number("seats"), a.number("users_28d"), a.peer("seat_use_28d")
    if not paid or people is None or not a.number("users_90d"):
        return None
    text = f"{figure(people)} of {counted(paid, 'seat', 'seats')} in use"
    return text if usual is None else f"{text}; similar accounts use {share(usual)} of theirs"


def integrations(a: Account) -> str | None:
    removed, left = a.number("integrations_removed_90d"), a.number("integrations")
    if not removed:
        return count("integrations", "{} in place", "integration", "integrations")(a)
    text = f"{counted(removed, 'integration', 'integrations')} removed in {QUARTER}"
    return text if left is None else f"{text}, {'none' if left == 0 else figure(left)} left"


def tickets_moved(a: Account) -> str | None:
    recent, rise, usual = a.number("tickets_28d"), a.number("tickets_rise_28d"), a.peer("tickets_28d")
    if recent is None or not rise:
        return None
    text = moved("support tickets", recent - rise, recent, FOUR_WEEKS)
    return (
        text
        if text is None or usual is None
        else f"{text}; similar accounts have {'none' if usual == 0 else figure(usual)}"
    )


def nps_moved(a: Account) -> str | None:
    answer, change = a.number("nps_last"), a.number("nps_change")
    return None if answer is None or not change else moved("its NPS answer", answer - change, answer, "a year")


def paid_before(a: Account) -> str | None:
    change = a.number("mrr_change_180d")
    if change is None:
        return None
    if abs(change) < 0.005:
        return "pays as much as half a year ago"
    return f"pays {share(abs(change))} {'more' if change > 0 else 'less'} than half a year ago"


def plan(a: Account) -> str | None:
    rank = a.number("plan_rank")
    if rank is None:
        return None
    return "is on the smallest plan" if rank == 0 else f"is {counted(rank, 'plan', 'plans')} above the smallest"


def term_end(a: Account) -> str | None:
    days = a.number("days_to_renewal")
    if days is None:
        return None
    if days == 0:
        return "the term ends today"
    return f"the term ends in {in_days(days)}" if days > 0 else f"the term ended {days_ago(-days)}"


def auto_renew(a: Account) -> str | None:
    renews = a.claim("is_auto_renew")
    return None if renews is None else f"the contract {'renews' if renews else 'does not renew'} by itself"


def customer_for(a: Account) -> str | None:
    days = a.number("tenure_days")
    if days is None:
        return None
    # In months from two of them on, in years from two of them on.
    if days < 60:
        return f"a customer for {in_days(days)}"
    months, years = round(days / 30.44), round(days / 365.25, 1)
    return f"a customer for {counted(months, 'month', 'months') if days < 730 else counted(years, 'year', 'years')}"


def in_industry(a: Account) -> str | None:
    name = a.text("industry")
    return None if name is None else f"customers in {name} {_tendency(a)} than others"


def of_size(a: Account) -> str | None:
    band = a.text("size_band")
    return None if band is None or band == "unknown" else f"companies of {band} employees {_tendency(a)} than others"


def _tendency(a: Account) -> str:
    return f"{'leave' if a.kind is Kind.CHURN else 'expand'} {'more' if a.is_up else 'less'} often"


def in_days(count: float) -> str:
    return counted(count, "day", "days")


def days_ago(count: float) -> str:
    return f"{in_days(count)} ago"


def change_of_users(a: Account) -> float | None:
    return a.usual_change("users_change_28d", "users_change_vs_peers")


def change_of_uses(a: Account) -> float | None:
    return a.usual_change("uses_change_28d", "uses_change_vs_peers")

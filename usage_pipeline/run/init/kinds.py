"""What a table may be, and which of its columns says what: by their names, and by what they hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from usage_pipeline.run.init.columns import Column
from usage_pipeline.run.init.files import Source

_ACCOUNT = "(account|acct|org|organi[sz]ation|company|customer|tenant|workspace|client|team)"
_USER = "(user|person|people|member|contact|employee|student|actor|visitor|requester|respondent|profile)"
# Names in order of preference, as in the fields below.
ACCOUNT_ID = rf"{_ACCOUNT}_?(id|key|uuid|guid|number|no|code|ref) {_ACCOUNT} {_ACCOUNT}_?name"
USER_ID = rf"{_USER}_?(id|key|uuid|guid) uid username {_USER}(_email)? email"

# A kind is believed from here on, and only if it leads the next by a clear step.
ENOUGH, LEAD = 6, 2


def _any(_: Column) -> bool:
    return True


def _moment(column: Column) -> bool:
    return column.times is not None


def _id(column: Column) -> bool:
    return column.times is None and not column.is_flag and not column.is_nested


def _unique(column: Column) -> bool:
    return column.is_unique and _id(column)


def _word(column: Column) -> bool:
    """Few different texts, as names of events and features are."""
    few = column.distinct <= max(50, column.filled // 5)
    return column.times is None and not column.is_number and not column.is_address and not column.is_nested and few


def _text(column: Column) -> bool:
    return column.times is None and not column.is_number and not column.is_nested


def _number(column: Column) -> bool:
    return column.is_number and column.times is None and not column.is_flag


def _score(column: Column) -> bool:
    return _number(column) and column.is_whole and (column.lowest or 0) >= 0 and (column.highest or 0) <= 10


def _flag(column: Column) -> bool:
    return column.is_flag


@dataclass(frozen=True)
class Field:
    """What a table of a kind may state: how such a column is called, and what it must hold."""

    called: str
    """Names in order of preference, each a regular expression for the whole name, between blanks."""
    holds: Callable[[Column], bool] = _any
    points: int = 1
    is_required: bool = False


@dataclass(frozen=True)
class Kind:
    """What a table may be."""

    name: str
    table: str
    """How such a table is called."""
    fields: dict[str, Field] = field(default_factory=dict)


_CREATED = rf"created_?(at|on|date)? signed_?up(_at|_on)? sign_?up(_?date|_at)? registered(_at|_on)? registration_date joined(_at|_on)? start_date customer_since {_ACCOUNT}_created(_at|_date)?"

KINDS = (
    Kind("events", r"event|usage|activit|log(?!in)|track|click|action|transaction|order|purchase|session", {
        "ts": Field(r"ts timestamp event_?time occurred_?(at|on)? happened_?(at|on)? event_(at|date|timestamp) time date_?time (usage|activity)_(date|day) created_?(at|on)? date day logged_at at when .*_(at|time|date)", _moment, 3, is_required=True),
        "received_at": Field(r"received_?(at|on)? recorded_?(at|on)? ingested_?(at|on)? loaded_?(at|on)? processed_?(at|on)? server_time inserted_at", _moment, 1),
        "account_id": Field(ACCOUNT_ID, _id, 2),
        "user_id": Field(USER_ID, _id, 2),
        "name": Field(r"event event_?name event_?type action(_name)? activity(_type|_name)? name type verb operation", _word, 3),
        "feature": Field(r"feature feature_?name module product_area area section screen page tool", _text, 3),
        "event_id": Field(r"event_?id message_?id uuid guid id (usage|activity|log|action|transaction)_?id", _unique, 1),
        "quantity": Field(r"quantity qty uses usage_?count use_count event_?count clicks sum_click count n", _number, 2),
        "duration": Field(r".*duration.* .*elapsed.* time_spent.* took.* seconds secs minutes ms", _number, 1),
        "subscription_id": Field(r"subscription_?id contract_?id licen[cs]e_?id", _id, 1),
            "session_id": Field(r"session(_?id|_key)?", _id, 1),
    }),
    Kind("account", rf"^({_ACCOUNT}s?|companies|org|.*_({_ACCOUNT}s|companies))$", {
        "account_id": Field(rf"{_ACCOUNT}_?(id|key|uuid|guid|number|code) id key uuid {_ACCOUNT}", _unique, 2, is_required=True),
        "name": Field(rf"name {_ACCOUNT}_?name display_name title", _text, 2),
        "domain": Field(r"domain website url (company|email)_domain", _text, 2),
        "industry": Field(r"industry vertical sector segment", _text, 2),
        "country": Field(r"country(_code)? billing_country region", _text, 1),
        "employees": Field(r"employees employee_count (company_|team_)?size headcount number_of_employees", _number, 2),
        "time_zone": Field(r"time_?zone tz", _text, 1),
        "parent_id": Field(rf"parent(_id|_{_ACCOUNT}(_id)?)?", _id, 1),
        "owner_email": Field(r"(account_)?owner(_email)? csm(_email)?", lambda column: column.is_address, 2),
        "created_at": Field(_CREATED, _moment, 2),
    }),
    Kind("user", rf"^({_USER}s?|.*_{_USER}s|seats?)$", {
        "user_id": Field(rf"{_USER}_?(id|key|uuid|guid) id uid uuid username email", _unique, 2, is_required=True),
        "account_id": Field(ACCOUNT_ID, _id, 2, is_required=True),
        "email": Field(r"(user_?|work_)?e_?mail(_address)?", lambda column: column.is_address, 3),
        "role": Field(r"role job(_title)? title position permission", _word, 2),
        "created_at": Field(_CREATED, _moment, 1),
    }),
    Kind("subscription", r"subscri|contract|licen[cs]e|billing|^plans?$|deal|invoice|terms", {
        "subscription_id": Field(r"subscription(_?id)? contract_?id licen[cs]e_?id id invoice_?id number", _id, 1),
        "account_id": Field(ACCOUNT_ID, _id, 2, is_required=True),
        "status": Field(r"status subscription_status state", _word, 3),
        "plan": Field(r"plan plan_?name plan_tier tier product(_name)? price_?id sku", _text, 2),
        "plan_rank": Field(r"plan_rank rank", _number, 1),
        "seats": Field(r"seats licen[cs]es quantity qty", _number, 1),
        "mrr": Field(r"mrr_minor mrr_cents mrr(_amount|_usd|_eur)? monthly_(revenue|amount|price) amount(_due|_paid)? price total", _number, 3),
        "currency": Field(r"currency(_code)?", _word, 1),
        "interval": Field(r"interval billing_(frequency|interval|cycle|period) frequency bill_period_months term(_months)? period_months", _any, 2),
        "changed_at": Field(r"changed_at valid_from effective_(at|date|from)", _moment, 2),
        "started": Field(r"start start_date(_at)? started(_at|_on)? period_start contract_start begin(s|_date)? created(_at|_date)? current_period_start", _moment, 2),
        "ended": Field(r"ended(_at|_on)? cancell?ed(_at|_on)? end_date end period_end contract_end churned(_at)? expires?(_at)?", _moment, 2),
        "renews_on": Field(r"renews(_on|_at)? renewal(_date)? current_period_end next_billing_date", _moment, 2),
        "trial_end": Field(r"trial_end(s|_at|_date)?", _moment, 1),
        "is_trial": Field(r"is_trial trial", _flag, 1),
        "auto_renew": Field(r"auto_?renew(s|al)?(_flag)?", _flag, 1),
    }),
    Kind("ticket", r"ticket|support|case|conversation|issue|helpdesk|zendesk|intercom", {
        "ticket_id": Field(r"ticket_?id ticket(_number)? case_?(id|number) conversation_?id id number", _unique, 2, is_required=True),
        "account_id": Field(ACCOUNT_ID, _id, 2),
        "user_id": Field(rf"requester_?email requester(_id)? {USER_ID}", _id, 1),
        "opened_at": Field(r"opened(_at|_on)? created_?(at|on|date)? submitted(_at|_on)? requested_at", _moment, 2, is_required=True),
        "closed_at": Field(r"closed(_at|_on)? solved(_at|_on)? resolved(_at|_on)?", _moment, 3),
        "priority": Field(r"priority urgency severity", _word, 3),
        "satisfaction": Field(r"satisfaction(_score|_rating)? csat(_score)? rating", _any, 2),
        "status": Field(r"status state", _word, 1),
    }),
    Kind("survey", r"survey|nps|csat|feedback|response", {
        "response_id": Field(r"response_?id survey_?id answer_?id id", _unique, 1),
        "account_id": Field(ACCOUNT_ID, _id, 2),
        "user_id": Field(USER_ID, _id, 1),
        "kind": Field(r"kind survey_?type type survey", _word, 1),
        "score": Field(r"score nps(_score)? csat(_score)? rating answer value", _score, 4, is_required=True),
        "answered_at": Field(r"answered(_at|_on)? responded(_at|_on)? submitted(_at)? completed_at response_date created(_at|_on)? date timestamp", _moment, 2, is_required=True),
    }),
    Kind("milestone", r"churn|cancel|milestone|renewal|upgrade|expansion", {
        "account_id": Field(ACCOUNT_ID, _id, 2, is_required=True),
        "happened_at": Field(r"happened(_at|_on)? (churn|cancel(lation)?|renewal|upgrade|expansion|event)_?(date|at|on) churned_at cancell?ed_at date effective_date .*_date .*_at", _moment, 2, is_required=True),
        "kind": Field(r"kind milestone type event(_type)?", _word, 2),
        "is_reactivation": Field(r"is_reactivation reactivat(ed|ion)", _flag, 2),
        "reason": Field(r"(churn_|cancel(lation)?_)?reason(_code)?", _word, 2),
    }),
    Kind("label", r"label|target|ground_truth|outcome", {
        "account_id": Field(ACCOUNT_ID, _id, 2, is_required=True),
        "as_of": Field(r"as_of as_of_date snapshot(_date)? observation_date morning cutoff(_date)? date", _moment, 3, is_required=True),
        "happened": Field(r"happened label target churn(ed)?(_\d+[dwm])? (expand|expansion|upsell|upgrade)(ed)?(_\d+[dwm])? .*_\d+[dwm]", _flag, 4, is_required=True),
        "outcome": Field(r"outcome outcome_name", _word, 2),
    }),
)  # fmt: skip
"""In the order in which a tie would be looked at; none is broken by it."""

_NAMED, _HISTORY = 4, 3
# What a table of events has, in whatever language: the only times, and the only few names.
_ALONE = ("ts", "name")


@dataclass(frozen=True)
class Taken:
    """A table taken as a kind: which column states which field, and how much speaks for it."""

    kind: str
    columns: dict[str, Column]
    points: int

    def __contains__(self, name: str) -> bool:
        return name in self.columns


def is_called_a_time(column: Column) -> bool:
    """Whether its name says that it holds the time of an event."""
    return any(re.fullmatch(called, column.plain) for called in KINDS[0].fields["ts"].called.split())


def taken(source: Source, account: Column | None = None) -> list[Taken]:
    """What the table may be, the likeliest first; `account` is the column that holds accounts' ids, if one is known."""
    found = [each for kind in KINDS if (each := _as(kind, source, account)) is not None]
    return sorted(found, key=lambda each: -each.points)


def is_clear(found: list[Taken]) -> bool:
    """Whether the first of them is believed."""
    if not found or found[0].points < ENOUGH:
        return False
    return len(found) == 1 or found[0].points - found[1].points >= LEAD


def _as(kind: Kind, source: Source, account: Column | None) -> Taken | None:
    columns: dict[str, Column] = {}
    points = 0
    for name, wanted in kind.fields.items():
        column, counts = _best(wanted, source, columns), wanted.points
        if column is None:
            column, counts = _by_content(kind, name, source, columns, account), 1
        if column is not None:
            columns[name] = column
            points += counts
        elif wanted.is_required:
            return None
    if not _makes_sense(kind.name, columns):
        return None
    plain = re.sub(r"[^a-z0-9]+", "_", source.table.lower()).strip("_")
    points += _NAMED if re.search(kind.table, plain) else 0
    return Taken(kind.name, columns, points + _bearing(kind.name, columns))


def _best(wanted: Field, source: Source, used: dict[str, Column]) -> Column | None:
    """The column that is called as the field most likely is, of those that hold what it must."""
    others = {column.name for column in used.values()}
    free = [column for column in source.columns if column.name not in others and column.filled and wanted.holds(column)]
    for called in wanted.called.split():
        for column in free:
            if re.fullmatch(called, column.plain):
                return column
    return None


def _by_content(
    kind: Kind, name: str, source: Source, used: dict[str, Column], account: Column | None
) -> Column | None:
    """The column that must be the field by what it holds, whatever it is called."""
    if name == "account_id" and kind.name != "account" and account not in used.values():
        return account
    if kind.name != "events" or name not in _ALONE:
        return None
    others = {column.name for column in used.values()}
    holds = kind.fields[name].holds
    able = [column for column in source.columns if column.name not in others and column.filled and holds(column)]
    is_it = len(able) == 1 and (name == "ts" or not able[0].is_unique)
    return able[0] if is_it else None


def _makes_sense(kind: str, columns: dict[str, Column]) -> bool:
    if kind == "events":
        # A row of a table of events says who did something and when; one per account is another table.
        who = [columns[name] for name in ("account_id", "user_id", "subscription_id") if name in columns]
        repeats = [column for column in who if column.distinct * 2 <= column.filled]
        return bool(who) and bool(repeats) and not {"mrr", "closed_at"} & set(columns)
    if kind == "subscription":
        return bool({"status", "mrr", "plan"} & set(columns)) and bool(
            {"started", "changed_at", "status"} & set(columns)
        )
    if kind in ("ticket", "survey"):
        return bool({"account_id", "user_id"} & set(columns))
    if kind == "account":
        return len(columns) > 1
    return True


def _bearing(kind: str, columns: dict[str, Column]) -> int:
    """Points for how often an account occurs: many times among events, once among accounts."""
    who = columns.get("account_id") or columns.get("user_id") or columns.get("subscription_id")
    if kind == "events" and who is not None:
        return _HISTORY if who.distinct * 5 <= who.filled else 0
    return 0

"""What differs between companies: where its facts lie, what its events mean, which plays it runs.

One YAML file per company (`examples/*.yaml`), checked when it is loaded; the message of a
mistake names the file, the line and the fix.
"""

import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from usage_pipeline import documents
from usage_pipeline.errors import Rejected


class Part(BaseModel):
    """A section of the file; an unknown key is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Clock(Part):
    """How an input's times are to be read."""

    history: bool = False
    """An import of the past: `received_at` alone says when a row became known."""
    delay_days: float = Field(default=0.0, ge=0)
    """What to add to `ts` where the source does not say when it received an event."""
    time_zone: str = "UTC"
    """Zone of times that name none."""


def _several(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One name or several, of which the first that states anything wins."""


class Events(Part):
    """Where product events come from.

    The keys from `account` to `user_agent` say where a field lies in each row of an export: `groups.company` is the
    key `company` in the object `groups`; a list names several places, of which the first that states anything wins.
    A place whose keys contain dots is written as a JSON pointer (`/groups/our.company`).
    Left out, a field lies where docs/input.md says for the format. A select names its columns itself.
    """

    format: Literal["segment", "amplitude", "mixpanel", "posthog", "snowplow", "select"]
    """`segment` (RudderStack's are the same), `amplitude`, `mixpanel`, `posthog`, `snowplow`: the files as these
    export them; `select`: SQL below."""
    files: str = "events*"
    """Glob under the data folder, for all but `select`; matched from the right, so `*.jsonl.gz` lies in any folder."""
    select: str = ""
    """DuckDB SQL over the input's files (a file `x.parquet` is the table `x`), for `select`."""
    account: Names = ()
    """Where the account's id is."""
    user: Names = ()
    """Where the person's id is."""
    feature: Names = ()
    """Where the feature is."""
    feature_is_name: bool = False
    """An event that states no feature is the use of a feature of the event's own name."""
    quantity: Names = ()
    """Where it is said how many things one event handled."""
    duration: Names = ()
    """Where it is said how long it took; needs `duration_unit`."""
    duration_unit: Literal["ms", "s", "min", "h"] | None = None
    """Unit of `duration`."""
    session: Names = ()
    """Where the session's id is."""
    email: Names = ()
    """Where the person's address is, for `exclude.email_domains`; a user id that is an address counts too."""
    user_agent: Names = ()
    """Where the browser or program names itself, for `exclude.user_agents`."""
    time_zone: str = ""
    """Zone of times that name none; empty: `clock.time_zone` for `segment` and `select`, UTC for the others. For
    `mixpanel` that of the project, where its export counts the seconds of local time (projects from before 2023)."""
    time_formats: Names = ()
    """How times are written that are neither ISO 8601 nor seconds, milliseconds or microseconds since 1970:
    `%d/%m/%Y %H:%M` (strptime); the first that fits. The order of day and month is never guessed."""
    exclude: dict[Literal["user_agents", "email_domains", "accounts", "users", "names"], tuple[str, ...]] = {}
    """Rows that are nobody's use of the product: bots (`user_agents`: a part of it, in any case), colleagues
    (`email_domains`), test `accounts`, `users` and event `names`. They are refused with a reason each."""

    @model_validator(mode="after")
    def _fits(self) -> "Events":
        """A key that would do nothing is a mistake."""
        places = ("account", "user", "feature", "quantity", "duration", "session", "email", "user_agent")
        idle = [name for name in places if getattr(self, name)] if self.format == "select" else []
        if idle:
            raise ValueError(f"{', '.join(idle)} beside format: select, whose SQL names its columns itself")
        if bool(self.duration) != bool(self.duration_unit):
            raise ValueError("duration and duration_unit are stated together: where it is, and ms, s, min or h")
        if self.format == "select" and not self.select.strip():
            raise ValueError("format: select needs its SQL in select")
        return self


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(
            "name an environment variable, such as SHOP_DATABASE_URL; what it holds has no place in the mapping"
        )
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""Name of an environment variable."""


class Fetch(Part):
    """Inputs that lie elsewhere, a list: objects of a store (`url`) or rows of a database (`database`).

    Each fetch brings what is new since the one before into the landing folder, as deliveries under NAME/. See
    docs/input.md, "Inputs that lie elsewhere".
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Folder of its deliveries, and the table that a select reads its rows from."""
    url: str = ""
    """Objects, as fsspec writes them, with a glob: `s3://acme-exports/segment/**/*.json.gz`; `file://` too."""
    options: dict[str, Variable] = {}
    """Options of the store (`key`, `secret`, `endpoint_url`, `anon`; they differ by store), each the name of the
    environment variable that holds its value. Without any, the store's own ways to log in hold (`AWS_PROFILE`, a role
    of the machine)."""
    as_table: bool = False
    """Each object is the table NAME, in a delivery of its own: for a select over many files of one kind."""
    together: bool = False
    """The objects of one folder are joined by a select: when one of them changes, all are brought."""
    database: Variable = ""
    """The environment variable that holds the SQLAlchemy URL of a database (`postgresql://user:password@host/db`)."""
    table: str = ""
    """Table or view to read (`analytics.usage`)."""
    query: str = ""
    """Or a SELECT in the database's own SQL."""
    cursor: str = ""
    """Column by which rows are new: it only grows (`updated_at`, `id`). Without one, the table is read whole, and
    delivered when its content has changed."""
    key: str = ""
    """Column that, with the cursor, names a row; without one, its whole content does."""
    overlap: Annotated[str, BeforeValidator(str)] = Field(default="", pattern=r"^(\d+[smhd]?)?$")
    """How far back rows are looked for that came late: `2h` (s, m, h, d), or a plain number where the cursor counts. By
    default `10m`, or 1000. What was brought before is not brought again."""
    batch_rows: int = Field(default=100_000, gt=0)
    """Rows per delivery, and at a time in memory."""
    first_is_history: bool = True
    """The first fetch is an import of the past: a morning of last year sees what had happened by then. What later
    ones bring is known from when it was brought."""

    @model_validator(mode="after")
    def _fits(self) -> "Fetch":
        """One place each, no secret in it, and no key that would do nothing."""
        if bool(self.url) == bool(self.database):
            raise ValueError("state url (objects of a store) or database (rows), one of them")
        if self.url:
            idle = {"table", "query", "cursor", "key", "overlap", "batch_rows"} & self.model_fields_set
            if "://" not in self.url:
                raise ValueError("url begins with its protocol: s3://, gs://, https:// or file://")
            if "@" in self.url.partition("://")[2].partition("/")[0] or re.search(r"\?\w+=", self.url):
                raise ValueError(
                    "url holds a user, a key or a signature; put it into the environment, and name it in options"
                )
            if self.as_table and self.together:
                raise ValueError(
                    "as_table (one object a delivery) and together (all objects of a folder) exclude each other"
                )
        else:
            idle = {"options", "as_table", "together"} & self.model_fields_set
            if bool(self.table) == bool(self.query.strip()):
                raise ValueError("state table or query beside database, one of them")
            idle |= {"key", "overlap"} & self.model_fields_set if not self.cursor else set()
        if idle:
            where = "url" if self.url else "database" if self.cursor else "database without cursor"
            raise ValueError(f"{', '.join(sorted(idle))}: nothing to do with {where}")
        return self


def _named_once(several: tuple[Fetch, ...]) -> tuple[Fetch, ...]:
    names = [one.name for one in several]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is the name of several; each needs a folder of its own")
    return several


Fetches = Annotated[tuple[Fetch, ...], AfterValidator(_named_once)]


class Kind(StrEnum):
    """What an outcome is about."""

    CHURN = "churn"
    EXPANSION = "expansion"


class Outcome(Part):
    """Something that may happen to an account after a morning."""

    kind: Kind
    """`churn` (bad news) or `expansion` (good news): which tiers, fields and plays it may feed."""
    source: Literal["subscriptions", "milestones", "labels", "silence"]
    """`subscriptions`: cancelled or downgraded (churn), seats, plan or add-ons up (expansion);
    `milestones`: a row of that table; `labels`: a row of a labels file; `silence`: no event any more."""
    horizon_days: int = Field(gt=0)
    """Days from the morning on within which it may happen."""
    silence_days: int = Field(default=0, ge=0)
    """Further days that must pass before the outcome can be stated."""
    milestone: str = ""
    """Which milestones count, for `milestones`."""

    @property
    def known_after_days(self) -> int:
        """Days from the morning until the outcome can be stated; the embargo between splits."""
        return self.horizon_days + self.silence_days


class Primary(Part):
    """The outcomes that feed fields, tiers and plays."""

    churn: str = "churn_90d"
    """Name of the churn outcome: a quarter leaves a CSM time to act."""
    expansion: str = "expansion_90d"
    """Name of the expansion outcome; a name that is not among the outcomes: none."""


class Roles(Part):
    """Which event names mean what; an empty role means the product has no such event."""

    activation: tuple[str, ...] = ()
    """Crossing one of these within 30 days of sign-up activates an account; empty: three distinct features."""
    value: tuple[str, ...] = ()
    """Events in which a customer gets what the product is for."""
    invite: tuple[str, ...] = ()
    """Somebody asks a colleague in."""
    integration_added: tuple[str, ...] = ()
    """The product is connected with another one."""
    integration_removed: tuple[str, ...] = ()
    """Such a connection is taken out."""
    login: tuple[str, ...] = ()
    """Being there without doing anything: not counted as the use of a feature."""
    workflows: tuple[tuple[str, str], ...] = ()
    """Pairs of the event that begins a workflow and the one that completes it: `[Import Started, Data Imported]`."""
    content: tuple[str, ...] = ()
    """Pages and documents that somebody looks at who thinks of buying more: prices, the docs of a premium feature."""


def _listed(values: object) -> object:
    return tuple(values) if isinstance(values, list | tuple) else (values,)


Scalar = str | bool | int | float


class Metric(Part):
    """A metric of the company's own, by name: a figure of the events that a filter picks.

    It becomes three columns of an account's snapshot: `NAME`, `NAME_change` (against the account's own window before,
    minus 1) and `NAME_percentile` (the share of similar accounts with no more). See docs/input.md.
    """

    class Where(Part):
        """Which events; every stated key must hold, any of its values will do."""

        name: Names = ()
        feature: Names = ()
        properties: dict[str, Annotated[tuple[Scalar, ...], BeforeValidator(_listed)]] = {}

    kind: Literal["count", "sum", "distinct", "ratio", "trend"]
    """`count` (events), `sum` and `distinct` of `of`, `ratio` (events, or the sum of `of`, over another metric),
    `trend` (rise per day of the events, or of the sum of `of`, over their daily mean)."""
    where: Where = Where()
    """Which events: `name`, `feature` and `properties`, each one value or several; empty: every event."""
    of: str = Field(default="", pattern=r"^(quantity|duration|user|feature|property\..+|)$")
    """`quantity`, `duration` (minutes) or `property.PLACE` to sum; `user`, `feature` or `property.PLACE` to tell apart.
    A place is a key (`pages`), keys in one another (`size.pages`), or a JSON pointer (`/size/pages`)."""
    over: str = ""
    """For a ratio: the metric below the line, over the window of this one; NULL where that is 0."""
    window_days: int = Field(default=28, ge=1, le=90)
    """Days before the morning that are looked at."""
    meaning: str = Field(min_length=3)
    """What it is, in the words of a reason: "Reports exported as PDF per active person"."""
    unit: str = ""
    """Unit of the figure."""
    group: str = ""
    """What a person would call one thing; figures of a group make one reason. By default the metric's name."""

    @model_validator(mode="after")
    def _fits(self) -> "Metric":
        """Each kind has what it needs, and nothing that would do nothing."""
        if self.kind in ("sum", "distinct") and not self.of:
            raise ValueError(f"{self.kind} needs of: what to {'sum' if self.kind == 'sum' else 'tell apart'}")
        if self.kind == "count" and self.of:
            raise ValueError("count counts events; of belongs to sum, distinct, ratio and trend")
        if self.kind != "distinct" and self.of in ("user", "feature"):
            raise ValueError(
                f"of: {self.of} is text, which has no sum; use quantity, duration, property.PLACE, or distinct"
            )
        if self.kind == "distinct" and self.of in ("quantity", "duration"):
            raise ValueError(
                f"of: {self.of} is an amount, not a thing to tell apart; use user, feature or property.PLACE"
            )
        if bool(self.over) != (self.kind == "ratio"):
            raise ValueError("over names the metric below the line of a ratio, and of nothing else")
        if self.kind == "trend" and self.window_days < 7:
            raise ValueError("a trend needs a window_days of 7 or more")
        return self


def _over_others(metrics: dict[str, Metric]) -> dict[str, Metric]:
    for name, metric in metrics.items():
        below = metrics.get(metric.over)
        if metric.over and (below is None or below.kind in ("ratio", "trend")):
            known = [other for other, one in metrics.items() if one.kind not in ("ratio", "trend")]
            what = "no metric of the mapping" if below is None else f"a {below.kind}"
            raise ValueError(
                f"{name} is a ratio over {metric.over}, which is {what}; "
                f"counts, sums and distincts are: {', '.join(known) or 'none'}"
            )
    return metrics


MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,47}$")]
Metrics = Annotated[dict[MetricName, Metric], AfterValidator(_over_others)]


class Plays(Part):
    """Which plays act, and how many may."""

    enabled: tuple[str, ...] = ("red_churn_risk",)
    """Names of the plays that act; every other one decides `not`. By default the one with the clearest cause."""
    hold_out_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the eligible accounts of a play that is held out of it."""
    global_hold_out_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of all accounts that is held out of every play."""
    holdout_visibility: Literal["hidden", "shown"] = "hidden"
    """`hidden`: the fields that would give a play away stay empty for accounts held out of it; `shown`: they
    do not, and every effect says so."""
    tasks_per_owner_and_week: int = Field(default=10, gt=0)
    """New tasks an owner gets in seven days; what is worth most comes first, the rest waits."""
    channels: dict[str, tuple[Literal["webhook", "slack"], ...]] = {}
    """By play, where a message goes besides the task, once per episode: `webhook` and `slack`."""


Mode = Literal["update_only", "upsert", "create_only"]


class Crm(Part):
    """What is written to the CRMs, and where they keep the product's account id."""

    companies: Mode = "update_only"
    """`update_only`: records that are there are written, and none is created; `upsert`: an account without a record
    gets one; `create_only`: it gets one, and records that are there keep what they have. Tasks are opened in each."""

    hubspot_contacts: bool = False
    """Write how each person uses the product to the contact with their e-mail address; none is ever created."""
    hubspot_cohort_lists: bool = False
    """Keep a static list of companies per cohort, for filters and campaigns."""
    hubspot_account_key: str = "product_account_id"
    """Property of a HubSpot company that holds it."""
    salesforce_account_key: str = "Product_Account_Id__c"
    """Field of a Salesforce account that holds it."""


class Repair(Part):
    """How refused rows are mended, and then replayed: those that a match finds, by SQL."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name: a replay is known by it, so that a rule that changed gets another name."""
    reason: str = ""
    """Only rows refused for this reason."""
    file: str = ""
    """Only rows of files that this glob matches (`0003-*/events-*`)."""
    where: str = ""
    """Only rows of which this holds: DuckDB SQL over `raw`, `reason`, `detail`, `file` and `line`."""
    replace: dict[str, str] = {}
    """Texts to put in place of others, in order: `{'"timestmp"': '"timestamp"'}`."""
    sql: str = ""
    """Or a DuckDB SQL expression that gives the mended text of the row, from the same columns."""

    @model_validator(mode="after")
    def _fits(self) -> "Repair":
        if bool(self.replace) == bool(self.sql.strip()):
            raise ValueError("state replace or sql, one of them: what is to be done to the row")
        if not (self.reason or self.file or self.where):
            raise ValueError("state reason, file or where: which rows are meant")
        return self


class Quality(Part):
    """When the product data are not in order. Each check keeps its history in `events/finding_history`."""

    volume_spreads: float = Field(default=4.0, gt=0)
    """A day's events are too few or too many this many spreads off the median of the same weekday before: beyond any
    noise, since a spread is at least a tenth of the median."""
    quiet_days: int = Field(default=2, ge=0)
    """Days in a row with too few events that are no alarm: a holiday is one, Easter two. Weekends in between aside."""
    silent_share: float = Field(default=0.03, ge=0, lt=1)
    """Below this share of the usual it is at once: nobody's holiday is that quiet, a sender is down."""
    freshness_hours: float = Field(default=48.0, gt=0)
    """Hours that the newest event may be older than the newest delivery: a daily one, and one that failed."""
    thin_join: float = Field(default=0.5, gt=0, le=1)
    """Share of a day's events that may belong to no known account: trials that never became one are normal."""
    null_change: float = Field(default=0.2, gt=0, le=1)
    """How far the share of events without a person, a feature, ... may be off its usual."""
    sessions: float = Field(default=0.9, gt=0, le=1)
    """Sessions per person and active day that are expected at least: who was there had one."""
    duplicated: float = Field(default=0.3, gt=0, le=1)
    """Share of received rows that may be copies: beyond it something sends everything twice."""


class Company(Part):
    """One company, whole."""

    version: Literal[1] = 1
    """Version of this file's format."""
    company: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name, in lower case: the home remembers it and refuses another company."""
    clock: Clock = Clock()
    """How the input's times are to be read, below."""
    fetch: Fetches = ()
    """Inputs that lie elsewhere and are brought into the landing folder first, below."""
    events: tuple[Events, ...]
    """Where product events come from, a list, below."""
    tables: dict[Literal["account", "user", "subscription", "ticket", "survey", "milestone", "label"], str] = {}
    """One DuckDB SQL `select` per table of `sources`."""
    start: date | None = None
    """First day that counts, by default the first known day; what was known before it counts as known on it.

    Mornings begin there and see all that came before as history, so a long past costs one partition."""
    outcomes: dict[str, Outcome] = {
        "churn_30d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=30),
        "churn_90d": Outcome(kind=Kind.CHURN, source="subscriptions", horizon_days=90),
        "expansion_90d": Outcome(kind=Kind.EXPANSION, source="subscriptions", horizon_days=90),
    }
    """What may happen to an account, by name, below; what is named here replaces the three defaults."""
    primary: Primary = Primary()
    """Which outcomes feed fields, tiers and plays, below."""
    roles: Roles = Roles()
    """Which event names mean what, below."""
    premium_features: tuple[str, ...] = ()
    """Features of the higher plans, by name; their use tells who may expand."""
    metrics: Metrics = {}
    """Metrics of the company's own, by name, below."""
    plays: Plays = Plays()
    """Which plays act, and how many may, below."""
    crm: Crm = Crm()
    """Where the CRMs keep the product's account id, below."""
    repair: tuple[Repair, ...] = ()
    """How refused rows are mended before `usage-pipeline replay`, below; the first rule that matches a row counts."""
    quality: Quality = Quality()
    """When the product data are not in order, below."""
    stock_sandbox: bool = False
    """The input has no CRM of its own: stock the sandbox with its accounts and three owners."""


def load(path: Path) -> Company:
    """The company in a YAML file; `Rejected` names the line and the fix of a mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as absent:
        raise Rejected(f"there is no mapping {path}", fix="name an existing YAML file with --mapping") from absent
    fix = "mend the named keys; docs/settings.md describes each one"
    return documents.checked(text, str(path), TypeAdapter(Company), fix=fix)

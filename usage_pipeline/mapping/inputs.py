"""Where product events come from, and how their times are to be read."""

from typing import Literal

from pydantic import Field, model_validator

from usage_pipeline.mapping.part import Names, Part


class Clock(Part):
    """How an input's times are to be read."""

    history: bool = False
    """An import of the past: `received_at` alone says when a row became known."""
    delay_days: float = Field(default=0.0, ge=0)
    """What to add to `ts` where the source does not say when it received an event."""
    time_zone: str = "UTC"
    """Zone of times that name none."""


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
    exclude: dict[Literal["user_agents", "email_domains", "accounts", "users", "names"], tuple[str, ...]] = {}  # noqa: RUF012 - pydantic copies it
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

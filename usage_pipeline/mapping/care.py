"""When product data are not in order, and how refused rows are mended."""

from pydantic import Field, model_validator

from usage_pipeline.mapping.part import Part


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
    replace: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
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

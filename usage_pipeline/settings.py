"""What differs between installations, read from the environment once (see .env.example)."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting is optional; unset, one command runs with everything embedded."""

    model_config = SettingsConfigDict(
        env_prefix="USAGE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path("data")
    """Folder of everything a run makes."""
    lake_url: str = ""
    """Root of the Delta tables, a folder or an object-store URL; empty: `lake/` under the home."""
    ledger_url: str = ""
    """SQLAlchemy URL of the ledger; empty: `ledger.sqlite` under the home."""
    memory_limit: str = "1GB"
    """What DuckDB may use before it spills to disk."""
    threads: int = 2
    """Threads of DuckDB and XGBoost."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """What makes rollups, features and segments from events: DuckDB in this process, or Spark (docs/spark.md)."""
    spark_master: str = "local[*]"
    """Where Spark runs: a master's URL (`spark://…`, `yarn`, `k8s://…`), or `local[*]`, which is this machine alone."""

    keep_events_days: int = Field(default=0, ge=0)
    """Days that `usage-pipeline tidy` keeps events after they became known; 0: all. Rollups stay: what mornings see is made of them. What lands of a past before that changes no rollup any more."""
    keep_landed_days: int = Field(default=0, ge=0)
    """Days that it keeps landed files of events in the home; 0: all. Files that tables are read from are always kept."""
    keep_versions_days: int = Field(default=7, ge=1)
    """Days that it keeps older versions of tables for readers and for looking back."""
    compact_after_days: int = Field(default=2, ge=0)
    """Days after which it puts the small files of a partition together: newer ones still get rows."""
    hubspot_url: str = ""
    """https://api.hubapi.com, or empty for the sandbox."""
    hubspot_token: SecretStr = SecretStr("")
    """A Service Key or private-app token; or, for an OAuth app, the three below."""
    hubspot_client_id: str = ""
    """Client id of an OAuth app."""
    hubspot_client_secret: SecretStr = SecretStr("")
    """Its client secret."""
    hubspot_refresh_token: SecretStr = SecretStr("")
    """What the account gave when it installed the app; used instead of a token where set."""
    hubspot_version: str = "2026-03"
    """Date version of HubSpot's API, part of every path: the one that the client was written for."""
    salesforce_url: str = ""
    """https://MYDOMAIN.my.salesforce.com, or empty for the sandbox."""
    salesforce_client_id: str = ""
    """Consumer key of an External Client App with the client-credentials flow."""
    salesforce_client_secret: SecretStr = SecretStr("")
    """Its consumer secret."""
    salesforce_key_file: Path | None = None
    """Private key (PEM) for the JWT bearer flow instead of a secret; its certificate is with the app."""
    salesforce_username: str = ""
    """The integration user, for the JWT bearer flow."""
    salesforce_audience: str = "https://login.salesforce.com"
    """https://test.salesforce.com where the organisation is a vendor sandbox, for the JWT bearer flow."""
    salesforce_version: str = "68.0"
    """Version of Salesforce's API, part of every path: the one that the client was written for."""
    webhook_url: SecretStr = SecretStr("")
    """Where messages of plays go that name the channel `webhook` (mapping, `plays.channels`): https, answered by 2xx."""
    webhook_secret: SecretStr = SecretStr("")
    """`whsec_` and the base64 of 24 to 64 random bytes, by which they are signed (Standard Webhooks); two with a
    space between while the secret is being replaced."""
    slack_url: SecretStr = SecretStr("")
    """The incoming webhook of the Slack channel for plays that name the channel `slack`."""
    alert_after_days: int = Field(default=3, gt=0)
    """Days that a rejection which a person must mend may wait before an alert is raised, in every channel above."""
    sandbox_port: int = Field(default=8780, ge=0, le=65535)
    """HTTP port of the sandbox; its TLS port is the next one."""
    crms: str = "hubspot,salesforce"
    """Which CRMs are written to, separated by commas."""
    field_contract: Path | None = None
    """A field contract of one's own: fewer fields, or other labels, groups, owners and bands (docs/fields.md)."""
    first_tasks_per_owner: int = Field(default=5, gt=0)
    """Tasks that an owner gets at most from the first delivery to a CRM, which finds all that has gathered."""
    allow_old_morning: bool = False
    """Let a real CRM get a morning more than three days old, or older than the newest delivered; for one command."""

    @property
    def lake(self) -> str:
        return self.lake_url or str(self.home.resolve() / "lake")

    @property
    def ledger(self) -> str:
        return self.ledger_url or f"sqlite:///{self.home.resolve() / 'ledger.sqlite'}"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.home.resolve() / 'mlflow' / 'mlflow.sqlite'}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def crm_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.crms.split(",") if name.strip())

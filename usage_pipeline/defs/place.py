"""Where the definitions work: the home, its company, its lake, ledger and CRMs, opened once per process."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
import ibis.expr.types as ir
import pandas as pd
from dagster_duckdb import DuckDBResource

from usage_pipeline import engine
from usage_pipeline.channels import connecting as channels
from usage_pipeline.channels.client import Channel, ChannelName
from usage_pipeline.company import Company
from usage_pipeline.crm import connecting, contract
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.contract import CONTRACT, Contract
from usage_pipeline.errors import Rejected
from usage_pipeline.features import catalogue as features
from usage_pipeline.home import Home
from usage_pipeline.lake import Lake
from usage_pipeline.ledger.store import Ledger
from usage_pipeline.plays import playbook
from usage_pipeline.settings import Settings

WIDE = ("usage", "features", "segments", "signals", "scores")
"""The stages whose tables the engine of the settings reads and writes. Landing streams through DuckDB, and what comes
after the scores is small: plans, calls, reports."""


class Opened:
    """What one process has open; everything is opened when first asked for."""

    def __init__(self, duckdb: DuckDBResource) -> None:
        self._duckdb = duckdb
        self._stack = ExitStack()

    @property
    def settings(self) -> Settings:
        """Read anew each time: the sandbox's port is known once it listens."""
        return Settings()

    @cached_property
    def home(self) -> Home:
        return Home(self.settings)

    @property
    def company(self) -> Company:
        """Read anew each time: a person edits it between two runs."""
        return features.checked(playbook.checked(self.home.company()))

    @cached_property
    def lake(self) -> Lake:
        # The resource connects anew at each call, which in memory is a new, empty database.
        connection = self._stack.enter_context(self._duckdb.get_connection())
        connection.execute(f"SET memory_limit = '{self.settings.memory_limit}'")
        connection.execute(f"SET threads = {self.settings.threads}")
        connection.execute(f"SET temp_directory = '{self.home.path / 'spill'}'")
        return Lake(self.settings.lake, engine.over(connection))

    @cached_property
    def wide_lake(self) -> Lake:
        """The same lake by the engine of the settings: for what grows with the events (`WIDE`)."""
        settings = self.settings
        if settings.engine == "duckdb":
            return self.lake
        try:
            from usage_pipeline.engine import spark  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as missing:
            raise Rejected(
                f"USAGE_ENGINE=spark needs {missing.name}", fix="pip install 'usage-pipeline[spark]'"
            ) from missing
        return Lake(settings.lake, spark.connect(settings.spark_master, memory=settings.memory_limit))

    def lake_of(self, stage: str) -> Lake:
        """The lake as a stage reads and writes it; tables of two engines cannot be joined."""
        return self.wide_lake if stage in WIDE else self.lake

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger)

    def frame(self, rows: ir.Table) -> pd.DataFrame:
        """Rows as a frame."""
        found: pd.DataFrame = self.lake.backend.to_pandas(rows)
        return found

    def crms(self) -> dict[str, Crm]:
        """A client per configured CRM; the sandbox's where no address is set."""
        crm = self.company.crm
        return connecting.connect(self.settings, has_contacts=crm.hubspot_contacts, has_lists=crm.hubspot_cohort_lists)

    def channels(self) -> dict[ChannelName, Channel]:
        """Where messages go besides the CRMs: a channel per address that is set."""
        settings = self.settings
        return channels.connect(
            webhook_url=settings.webhook_url.get_secret_value(),
            webhook_secret=settings.webhook_secret.get_secret_value(),
            slack_url=settings.slack_url.get_secret_value(),
            now=self.now,
        )

    @property
    def contract(self) -> Contract:
        """The fields that the CRMs get; read anew each time, as the company is."""
        own = self.settings.field_contract
        return CONTRACT if own is None else contract.load(own)

    def now(self) -> datetime:
        """The wall clock (naive UTC), for landings, leases and calls alone."""
        return datetime.now(UTC).replace(tzinfo=None)


_lock = threading.Lock()
_opened: dict[str, Opened] = {}


class Place(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The home and everything in it."""

    duckdb: dg.ResourceDependency[DuckDBResource]

    @property
    def opened(self) -> Opened:
        """One per home and process, whatever the number of runs."""
        key = str(Settings().home.resolve())
        with _lock:
            if key not in _opened:
                _opened[key] = Opened(self.duckdb)
            return _opened[key]

"""`sources`: what others know, read from the landing folder and from the CRMs."""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from usage_pipeline.defs import fetching, partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.lake import Table
from usage_pipeline.sources import catalogue, crm, reading, validity
from usage_pipeline.sources.tombstones import Tombstones

FROM_FILES = (
    catalogue.ACCOUNT,
    catalogue.USER,
    catalogue.SUBSCRIPTION,
    catalogue.TICKET,
    catalogue.SURVEY,
    catalogue.MILESTONE,
    catalogue.LABEL,
)


def _from_files(table: Table) -> dg.AssetsDefinition:
    @tables.asset(
        table,
        owner=tables.DATA,
        kinds={"duckdb"},
        deps=(fetching.FETCHED,),
        description=f"One row per {table.grain}, as the company's mapping selects it from the landed files.",
    )
    def read(place: Place) -> pa.Table:
        opened = place.opened
        rows = reading.table(
            table.name,
            opened.home.landing(),
            opened.company,
            opened.lake.backend,
            now=opened.now(),
            state=opened.home.path / "landed",
        )
        # Whoever was forgotten stays so, whatever a new file says.
        return Tombstones(opened.home.path).without(rows)

    return read


from_files = [_from_files(table) for table in FROM_FILES]


@tables.asset(
    catalogue.CRM_LINK, owner=tables.DATA, kinds={"hubspot", "salesforce"}, inputs={"accounts": catalogue.ACCOUNT}
)
def crm_link(place: Place, accounts: ir.Table) -> pd.DataFrame:
    """One row per CRM and account: which record is this account's, or why none is.

    Matched by account key, then by a recorded link, then by a domain that only one record has.
    What is ambiguous is never guessed.
    """
    opened = place.opened
    known = opened.frame(validity.newest(accounts, "account_id"))
    links = [crm.links(client, known, opened.ledger, opened.company, opened.now()) for client in opened.crms().values()]
    return pd.concat(links, ignore_index=True)


@tables.asset(
    catalogue.PAST_ACTION,
    owner=tables.SUCCESS,
    kinds={"hubspot", "salesforce"},
    partitions_def=partitions.MORNINGS,
    backfill_policy=partitions.IN_ONE_RUN,
)
def past_actions(context: dg.AssetExecutionContext, place: Place) -> pd.DataFrame:
    """One row per task or hold-out known by the morning: what we did before, and what people answered."""
    opened = place.opened
    found = [crm.past_actions(opened.ledger, opened.crms(), as_of) for as_of in partitions.mornings(context)]
    return pd.concat(found, ignore_index=True)

"""`sources`: what others know, read from the landing folder and from the CRMs."""

from collections.abc import Iterator, Mapping

import dagster as dg
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from usage_pipeline.crm.client import Crm
from usage_pipeline.defs import fetching, partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.lake import Table
from usage_pipeline.sources import catalogue, crm, crm_context, merges, reading, validity
from usage_pipeline.sources.tombstones import Tombstones

FROM_FILES = (
    catalogue.ACCOUNT_MERGE,
    catalogue.ACCOUNT,
    catalogue.USER,
    catalogue.SUBSCRIPTION,
    catalogue.INVOICE,
    catalogue.TICKET,
    catalogue.SURVEY,
    catalogue.MILESTONE,
    catalogue.LABEL,
)


def _from_files(table: Table) -> dg.AssetsDefinition:
    has_accounts = table.name in merges.CONCERNED

    @tables.asset(
        table,
        owner=tables.DATA,
        kinds={"duckdb"},
        deps=(fetching.FETCHED, catalogue.ACCOUNT_MERGE) if has_accounts else (fetching.FETCHED,),
        description=f"One row per {table.grain}, as the company's mapping selects it from the landed files.",
    )
    def read(place: Place) -> dg.Output[pa.Table]:
        opened = place.opened
        found = reading.read(
            table.name,
            opened.home.landing(),
            opened.company,
            opened.lake.backend,
            now=opened.now(),
            state=opened.home.path / "landed",
        )
        rows = found.rows
        if table is catalogue.ACCOUNT_MERGE:
            rows = merges.followed(rows)
        elif has_accounts:
            known = opened.lake.backend.to_pyarrow(opened.lake.read(catalogue.ACCOUNT_MERGE))
            rows = merges.applied(table.name, rows, known)
        # Whoever was forgotten stays so, whatever a new file says.
        rows = Tombstones(opened.home.path).without(rows)
        left_out = {"rows_left_out": found.refused} | ({"because": found.refused_because} if found.refused else {})
        return dg.Output(rows, metadata=left_out)

    return read


from_files = [_from_files(table) for table in FROM_FILES]


@dg.multi_asset_check(
    name="nothing_left_out",
    specs=[
        dg.AssetCheckSpec(
            "nothing_left_out", asset=each.key, description="Every row of the landed files has what a row must have"
        )
        for each in from_files
    ],
    can_subset=True,
)
def nothing_left_out(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """A warning for each table of which rows were left out: the other rows are as good as ever."""
    for check in sorted(context.selected_asset_check_keys, key=str):
        event = context.instance.get_latest_materialization_event(check.asset_key)
        said = event.asset_materialization.metadata if event and event.asset_materialization else {}
        left_out = {name: said[name].value for name in ("rows_left_out", "because") if name in said}
        count = int(left_out.get("rows_left_out", 0))
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=not count,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count:,} rows left out: {left_out['because']}" if count else "no row left out",
            metadata=left_out,
        )


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


IN_CRM = {"hubspot", "salesforce"}


@tables.asset(catalogue.CRM_OWNER, owner=tables.DATA, kinds=IN_CRM)
def crm_owner(place: Place) -> pa.Table:
    """One row per person whom a CRM gives records to, and change of what is said of them."""
    opened = place.opened
    kept = opened.lake.backend.to_pyarrow(opened.lake.read(catalogue.CRM_OWNER))
    return pa.concat_tables(
        [crm_context.owners(client, kept, opened.now()) for client in opened.crms().values()]
        + [_of_others(kept, opened.crms())]
    )


@tables.asset(catalogue.DEAL, owner=tables.DATA, kinds=IN_CRM, inputs={"links": catalogue.CRM_LINK})
def deal(place: Place, links: ir.Table) -> pa.Table:
    """One row per deal or opportunity and change of it: stage, amount, close date, owner.

    Each run reads what changed since the last; a morning sees the newest version known before it.
    """
    opened = place.opened
    kept = opened.lake.backend.to_pyarrow(opened.lake.read(catalogue.DEAL))
    if not opened.company.crm.deals:
        return kept
    found = opened.frame(links)
    return pa.concat_tables(
        [crm_context.deals(client, found, kept, opened.now()) for client in opened.crms().values()]
        + [_of_others(kept, opened.crms())]
    )


@tables.asset(catalogue.CRM_CONTRACT, owner=tables.DATA, kinds=IN_CRM, inputs={"links": catalogue.CRM_LINK})
def crm_contract(place: Place, links: ir.Table) -> pa.Table:
    """One row per record that holds an account's terms, and change of them: renewal, term, seats, recurring revenue.

    Empty until the mapping's `crm` section says which properties or fields hold them.
    """
    opened = place.opened
    company = opened.company
    kept = opened.lake.backend.to_pyarrow(opened.lake.read(catalogue.CRM_CONTRACT))
    found = opened.frame(links)
    return pa.concat_tables(
        [crm_context.contracts(client, found, company, kept, opened.now()) for client in opened.crms().values()]
        + [_of_others(kept, opened.crms())]
    )


def _of_others(kept: pa.Table, clients: Mapping[str, Crm]) -> pa.Table:
    """What is kept of CRM instances that are not asked now."""
    asked = [client.instance().key for client in clients.values()]
    return kept.filter(pc.invert(pc.is_in(kept["instance"], value_set=pa.array(asked, pa.string()))))


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

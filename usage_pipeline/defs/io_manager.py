"""Reads and writes the lake for the assets, and reports what was written."""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from usage_pipeline.defs import partitions, tables
from usage_pipeline.defs.place import Place
from usage_pipeline.features import catalogue as features
from usage_pipeline.lake import Table


class LakeIO(dg.ConfigurableIOManager):
    """An asset gets Ibis tables and gives one (or a frame); this puts it in its partitions' place."""

    place: dg.ResourceDependency[Place]

    def handle_output(self, context: dg.OutputContext, obj: ir.Table | pa.Table | pd.DataFrame) -> None:
        table = self._table(context.asset_key)
        rows = tables.memtable(table, obj) if isinstance(obj, pd.DataFrame) else obj
        span = partitions.span(context) if context.has_asset_partitions else None
        opened = self.place.opened
        # A frame is small, and nothing is left to be computed.
        lake = opened.lake_of(table.stage) if isinstance(obj, ir.Table) else opened.lake
        written = lake.replace(table, rows, span)
        context.add_output_metadata(
            {
                "dagster/row_count": written.rows,
                "table_version": written.version,
                "dagster/uri": lake.uri(table),
            }
        )

    def load_input(self, context: dg.InputContext) -> ir.Table:
        table = self._table(context.asset_key)
        span = None
        if table.partition and context.has_asset_partitions and context.asset_partition_keys:
            keys = context.asset_partition_keys
            span = (partitions.day(keys[0]), partitions.day(keys[-1]))
        stage = (context.definition_metadata or {}).get("stage", "")
        return self.place.opened.lake_of(stage).read(table, span)

    def _table(self, key: dg.AssetKey) -> Table:
        """The table of an asset; a snapshot has a column for each figure of the company's own metrics."""
        table = tables.BY_KEY[key.to_user_string()]
        return features.of_company(table, self.place.opened.company) if table in features.TABLES else table

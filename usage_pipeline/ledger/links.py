"""Which record of a CRM each account is, and forgetting what was known of one."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, insert, update

from usage_pipeline.accounts import AccountId, CrmId
from usage_pipeline.crm.matching import Match
from usage_pipeline.ledger import schema


def new(known: Mapping[AccountId, CrmId], matches: Iterable[Match]) -> list[Match]:
    """Those of the matches that are not known yet, or otherwise."""
    return [one for one in matches if one.record and known.get(one.account_id) != one.record.crm_id]


def keep(connection: Connection, instance: str, matches: Iterable[Match], at: datetime) -> None:
    """Each of these in place of what its account was linked to."""
    table = schema.link
    rows = [
        {
            "instance": instance,
            "account_id": one.account_id,
            "crm_id": one.record.crm_id,
            "matched_by": one.matched_by,
            "at": at,
        }
        for one in matches
        if one.record
    ]
    for row in rows:
        connection.execute(delete(table).where(table.c.instance == instance, table.c.account_id == row["account_id"]))
    connection.execute(insert(table), rows)


def forget(connection: Connection, account: AccountId, instance: str | None) -> int:
    """Take out link, confirmed fields and rejections of an account, of one instance or of all; how many rows."""
    gone = 0
    for table in (schema.link, schema.record, schema.rejection):
        mine = [table.c.account_id == account, *([table.c.instance == instance] if instance else [])]
        gone += connection.execute(delete(table).where(*mine)).rowcount
    connection.execute(update(schema.instance).values(sequence=schema.instance.c.sequence + 1))
    return gone

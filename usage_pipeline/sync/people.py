"""What the CRM should say of the people who use the product: the fields of contacts, and nothing that is not there.

A contact is found by its e-mail address. A person who uses the product in several accounts is shown by the
one that they use most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from usage_pipeline import frames
from usage_pipeline.accounts import CrmId
from usage_pipeline.crm.contract import Contract
from usage_pipeline.ledger.effects import Known
from usage_pipeline.sync import field_changes
from usage_pipeline.sync.differences import differences
from usage_pipeline.sync.holding import Held
from usage_pipeline.sync.plan_rows import PersonChange

KIND = "contact_fields"
EMAIL = "email"


@dataclass(frozen=True)
class People:
    """What of a plan is about contacts."""

    changes: tuple[PersonChange, ...]
    adoptions: tuple[Known, ...]


def wanted(personas: pd.DataFrame, users: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """One row per e-mail address: email, user_id, account_id and the contract's fields as text.

    `personas` are rows of `segments/user_persona` of one morning, `users` have user_id and email.
    """
    emails = {row["user_id"]: _address(row["email"]) for row in frames.rows(users[["user_id", EMAIL]])}
    most: dict[str, dict[str, object]] = {}
    for row in sorted(frames.rows(personas), key=lambda row: (-row["active_days_28d"], row["account_id"])):
        address = emails.get(row["user_id"])
        if address:
            most.setdefault(address, row)
    names = [field.name for field in contract.fields]
    rows = [
        (
            address,
            row["user_id"],
            row["account_id"],
            *(contract.field(name).canonical(_value(row, name)) for name in names),
        )
        for address, row in sorted(most.items())
    ]
    return pd.DataFrame(rows, columns=[EMAIL, "user_id", "account_id", *names], dtype=object)


def changes(
    wanted_people: pd.DataFrame,
    found: Mapping[str, Sequence[CrmId]],
    values: Mapping[CrmId, Mapping[str, str | None]],
    confirmed: pd.DataFrame,
    held: Held,
    as_of: date,
    contract: Contract,
) -> People:
    """The fields that differ, contact by contact.

    `found` has the contacts of each address: where it is not exactly one, nothing is written. `values` are
    their fields now, `confirmed` what the ledger knows (`Ledger.records` of kind contact).
    """
    single = {address: ids[0] for address, ids in found.items() if len(ids) == 1}
    # The comparison knows records by an account; here that is the user.
    people = wanted_people.drop(columns=["account_id"]).rename(columns={"user_id": "account_id"})
    crm_ids = people.set_index("account_id")[EMAIL].map(single).dropna()
    present = pd.DataFrame(
        [{"crm_id": crm_id} | dict(own) for crm_id, own in values.items()],
        columns=["crm_id", *(field.name for field in contract.fields)],
        dtype=object,
    )
    records = field_changes.records(people, crm_ids, confirmed, present, contract, as_of)
    differ = differences(records, contract)
    account_of = dict(zip(wanted_people["user_id"], wanted_people["account_id"], strict=True))
    return People(
        tuple(
            PersonChange(account_of.get(one.account_id, ""), one.account_id, one.crm_id, one.field, one.old, one.new)
            for one in field_changes.changes(records, differ, held, KIND)
        ),
        tuple(field_changes.adoptions(records, differ, "contact")),
    )


def _value(row: Mapping[str, object], name: str) -> object:
    return row[
        {"usage_persona": "persona", "usage_active_days": "active_days_28d", "usage_last_used": "last_used_on"}[name]
    ]


def _address(email: str | None) -> str | None:
    """As a CRM keeps it: in lower case."""
    return (email or "").strip().lower() or None

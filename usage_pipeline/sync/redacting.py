"""A plan without what it says of customers, for a log or a pull request that more people read than the CRM."""

import hashlib
from dataclasses import replace

from usage_pipeline.sync.plans import Plan

HIDDEN = "(redacted)"


def redacted(plan: Plan) -> Plan:
    """The same plan with accounts and records as short hashes and without values or words; it cannot be applied."""

    def mask(identity: str) -> str:
        return "hidden-" + hashlib.sha256(identity.encode()).hexdigest()[:8]

    def value(text: str | None) -> str | None:
        return text if text is None else HIDDEN

    return replace(
        plan,
        creations=tuple(
            replace(
                one,
                account_id=mask(one.account_id),
                name=HIDDEN,
                domain=value(one.domain),
                fields={name: value(text) for name, text in one.fields.items()},
            )
            for one in plan.creations
        ),
        fields=tuple(
            replace(
                one, account_id=mask(one.account_id), crm_id=mask(one.crm_id), old=value(one.old), new=value(one.new)
            )
            for one in plan.fields
        ),
        people=tuple(
            replace(
                one,
                account_id=mask(one.account_id),
                user_id=mask(one.user_id),
                crm_id=mask(one.crm_id),
                old=value(one.old),
                new=value(one.new),
            )
            for one in plan.people
        ),
        moves=tuple(replace(one, account_id=mask(one.account_id), crm_id=mask(one.crm_id)) for one in plan.moves),
        new_tasks=tuple(
            replace(
                one,
                account_id=mask(one.account_id),
                crm_id=mask(one.crm_id),
                episode=HIDDEN,
                subject=HIDDEN,
                body=HIDDEN,
            )
            for one in plan.new_tasks
        ),
        rewordings=tuple(
            replace(
                one,
                account_id=mask(one.account_id),
                crm_id=mask(one.crm_id),
                old_subject=HIDDEN,
                old_body=HIDDEN,
                subject=HIDDEN,
                body=HIDDEN,
            )
            for one in plan.rewordings
        ),
        closings=tuple(
            replace(one, account_id=mask(one.account_id), crm_id=mask(one.crm_id), subject=HIDDEN, body=HIDDEN)
            for one in plan.closings
        ),
        strays=tuple((mask(account), HIDDEN) for account, _ in plan.strays),
        adoptions=(),
        released=(),
        is_redacted=True,
    )

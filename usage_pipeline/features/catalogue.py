"""The catalogue of features: what each column of a snapshot means, and which thing it speaks of.

The table's columns, the model's inputs, the reasons and the documents are all made from it.
`features(company)` is the door: the shipped ones, and those of the company's own metrics.
"""

from dataclasses import replace

from usage_pipeline.company import Company
from usage_pipeline.errors import Rejected
from usage_pipeline.features import own
from usage_pipeline.features.columns import activity, breadth, customer, described, milestones, people
from usage_pipeline.features.feature import Feature
from usage_pipeline.features.own import Own
from usage_pipeline.lake import Column, Table

__all__ = ["FEATURES", "INPUTS", "Feature"]

FEATURES = (
    *activity.FEATURES,
    *people.FEATURES,
    *breadth.FEATURES,
    *milestones.FEATURES,
    *customer.FEATURES,
    *described.FEATURES,
)
"""What every company has."""

INPUTS = tuple(feature for feature in FEATURES if feature.is_input)
"""What a model may see."""

BY_NAME = {feature.name: feature for feature in FEATURES}

_ACCOUNT, _MORNING = Column("account_id", "string", "Account"), Column("as_of", "date", "Morning")
_SHIPPED = (_ACCOUNT, *(feature.column for feature in FEATURES), _MORNING)

ACCOUNT_SNAPSHOT = Table(
    "features", "account_snapshot", "account and scored morning", _SHIPPED, partition="as_of", grows=True
)

TRAINING_SNAPSHOT = Table(
    "features",
    "training_snapshot",
    "account and training morning",
    (*_SHIPPED, Column("definitions", "string", "Fingerprint of what the columns meant when the row was made")),
    partition="as_of",
    grows=True,
)
"""The same columns by the same function, for the weekly mornings that models learn from."""

TABLES = (ACCOUNT_SNAPSHOT, TRAINING_SNAPSHOT)
"""In the order of the documents."""


def features(company: Company) -> tuple[Feature, ...]:
    """The features of a company; `Rejected` where a metric of its own takes the name of another column."""
    taken = {column.name for table in TABLES for column in table.columns}
    found = list(FEATURES)
    for metric in own.metrics(company):
        for feature in own.features(metric):
            if feature.name in taken:
                raise Rejected(
                    f"the metric {metric.name} of the mapping of {company.company} makes a column {feature.name}, "
                    "which a snapshot has already",
                    fix="give the metric another name; docs/features.md lists the names that are taken",
                )
            taken.add(feature.name)
            found.append(feature)
    return tuple(found)


def checked(company: Company) -> Company:
    """The company, whose metrics take no other column's name; else `Rejected`."""
    features(company)
    return company


def inputs(company: Company) -> tuple[Feature, ...]:
    """What a model of the company may see."""
    return tuple(feature for feature in features(company) if feature.is_input)


def of_company(table: Table, company: Company) -> Table:
    """A table of this stage with the columns of the company's own metrics."""
    return with_metrics(table, own.metrics(company))


def with_metrics(table: Table, metrics: tuple[Own, ...]) -> Table:
    """A table of this stage with the columns of these metrics, before the morning."""
    columns = tuple(feature.column for metric in metrics for feature in own.features(metric))
    here = table.columns.index(_MORNING)
    return replace(table, columns=(*table.columns[:here], *columns, *table.columns[here:]))

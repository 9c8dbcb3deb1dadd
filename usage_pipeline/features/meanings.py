"""What a company says of its product, as far as features depend on it."""

from dataclasses import dataclass

from usage_pipeline.company import Company, Roles
from usage_pipeline.features import own


@dataclass(frozen=True)
class Meanings:
    """Which events play a role, which features are premium, of what there is a table at all, and its own metrics."""

    roles: Roles
    premium_features: tuple[str, ...]
    tables: frozenset[str]
    metrics: tuple[own.Own, ...]

    @classmethod
    def of(cls, company: Company) -> "Meanings":
        return cls(company.roles, company.premium_features, frozenset(company.tables), own.metrics(company))

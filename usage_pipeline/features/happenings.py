"""Events that play a role, by the role: how often each happened, and the days on which the first did and the last."""

import ibis
import ibis.expr.types as ir

from usage_pipeline import engine
from usage_pipeline.company import Roles
from usage_pipeline.features import workflows

# Windows of 90 days are asked of these, and they cut 13 weeks by a day.
_BY_QUARTER = ("invites", "removed")
_LAST = "last_login_day"
# Pairs, what is counted by its days, and what is nobody's doing.
_NO_COUNTS = {"workflows", "content", "non_interaction"}


def named(roles: Roles) -> set[str]:
    """Every event name that plays a role; looking at content, of which the days are asked for, is none."""
    return {
        *(name for role, names in roles for name in names if role not in _NO_COUNTS),
        *(name for pair in roles.workflows for name in pair),
    }


def figures(rows: ir.Table, roles: Roles) -> dict[str, ir.Value]:
    """Of rows of one event name and day: `logins`, ..., those of `_BY_QUARTER` once more as `_latest`."""
    counts = {
        name: rows.name.isin(events).ifelse(rows.events, ibis.literal(0, "int64"))
        for name, events in _counted(roles).items()
    }
    latest = {f"{name}_latest": counts[name] for name in _BY_QUARTER}
    days = {name: rows.name.isin(events).ifelse(rows.day, ibis.null("date")) for name, events in _dated(roles).items()}
    return counts | latest | days


def sums(rows: ir.Table, roles: Roles, is_latest: ir.BooleanValue | None = None) -> dict[str, ir.Value]:
    """For an aggregation: the same of several rows, `_latest` of those for which `is_latest` holds."""
    return {
        **{name: engine.whole(rows[name].sum()) for name in _counted(roles)},
        **{f"{name}_latest": engine.whole(rows[f"{name}_latest"].sum(where=is_latest)) for name in _BY_QUARTER},
        **{name: rows[name].max() if name == _LAST else rows[name].min() for name in _dated(roles)},
    }


def _counted(roles: Roles) -> dict[str, tuple[str, ...]]:
    return {
        "logins": roles.login,
        "values": roles.value,
        "invites": roles.invite,
        "added": roles.integration_added,
        "removed": roles.integration_removed,
        **{name: (event,) for name, event in workflows.ends(roles).items()},
    }


def _dated(roles: Roles) -> dict[str, tuple[str, ...]]:
    return {
        "activated_day": roles.activation,
        "value_day": roles.value,
        "login_day": roles.login,
        _LAST: roles.login,
    }

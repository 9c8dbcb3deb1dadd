"""Events that a mapping's SQL makes from a delivery's files, pre-counted rows included."""

from collections.abc import Container, Mapping

from usage_pipeline.errors import Rejected

_OPTIONAL = (
    "event_id",
    "received_at",
    "account_id",
    "user_id",
    "anonymous_id",
    "feature",
    "quantity",
    "duration_ms",
    "session_id",
    "properties",
)
# Looked at by the mapping's exclusions alone.
_EXCLUDING = {"user_agents": "user_agent", "email_domains": "email"}


def check(columns: Mapping[str, str], where: str, exclude: Container[str] = ()) -> None:
    """`Rejected` where the select gives no time, no name, nothing that could lead to an account, or not what is excluded by."""
    missing = [name for name in ("ts", "name") if name not in columns]
    if not {"account_id", "user_id", "anonymous_id"} & set(columns):
        missing.append("account_id (or user_id, or anonymous_id)")
    missing += [column for by, column in _EXCLUDING.items() if by in exclude and column not in columns]
    if missing:
        raise Rejected(
            f"{where}: the events' select lacks the required column {', '.join(missing)}",
            fix=f"name it in the mapping's events.select: SELECT ... AS {missing[0].partition(' ')[0]}",
        )


def rows(columns: Mapping[str, str]) -> str:
    """SQL from `lines` (line and the select's columns) to one row per line, all values as stated."""
    given = {name: f"nullif(trim(CAST(\"{name}\" AS VARCHAR)), '')" for name in _OPTIONAL if name in columns}
    stated = {name: given.get(name, "NULL::VARCHAR") for name in _OPTIONAL}
    excluding = "".join(
        f', CAST("{column}" AS VARCHAR) AS {column}' for column in _EXCLUDING.values() if column in columns
    )
    whole = ", ".join(f'"{name}" := "{name}"' for name in columns)
    return f"""
        SELECT line, CAST(to_json(struct_pack({whole})) AS VARCHAR) AS raw,
            NULL::VARCHAR AS unreadable,
            'track' AS type,
            'event' AS kind,
            {stated["event_id"]} AS event_id,
            {_moment("ts", columns)} AS ts,
            {_moment("received_at", columns)} AS received_at,
            {stated["account_id"]} AS account_id,
            {stated["user_id"]} AS user_id,
            {stated["anonymous_id"]} AS anonymous_id,
            NULL::VARCHAR AS previous_id,
            nullif(trim(CAST("name" AS VARCHAR)), '') AS name,
            {stated["feature"]} AS feature,
            {stated["quantity"]} AS quantity,
            {stated["duration_ms"]} AS duration,
            1 AS duration_unit_ms,
            {stated["session_id"]} AS session_id,
            {stated["properties"]} AS properties
            {excluding}
        FROM lines
    """


def _moment(name: str, columns: Mapping[str, str]) -> str:
    """A moment as the select gives it: times stay times, the rest is text."""
    if name not in columns:
        return "NULL::VARCHAR"
    if columns[name] == "DATE" or columns[name].startswith("TIMESTAMP"):
        return f'"{name}"'
    return f"nullif(trim(CAST(\"{name}\" AS VARCHAR)), '')"

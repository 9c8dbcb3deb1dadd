"""What several deliveries say of the same things, as one table: what changed, from when it is so, and known since when.

Each function gives SQL over `stated`: the rows of all deliveries with `delivery` (their number in order), `landed_at`
and `history`. A delivery that repeats what an earlier one said adds nothing; one that says something else adds a row.
"""

from collections.abc import Sequence


def of_states(key: Sequence[str], begins: str | None, names: Sequence[str]) -> str:
    """One row per key and change of what is said of it.

    A row without a `valid_from` of its own says what is so now: it holds from its creation if nothing else is said
    of its key yet, and from its delivery if it says something new of a known one. Of a key of which a delivery says
    what is so now as well, that alone tells changes: rows with a moment only tell of moments not told before.
    """
    content = _content(names, "valid_from", "known_at")
    keys = _listed(key)
    since = f'"{begins}"' if begins else "NULL"
    return f"""
        WITH told AS (
            SELECT {content}, valid_from, delivery, landed_at, history, min(known_at) AS known_at,
                md5(CAST(({content}) AS VARCHAR)) AS content
            FROM stated GROUP BY ALL
        ), compared AS (
            SELECT *, dense_rank() OVER of_moment AS nth,
                row_number() OVER (PARTITION BY {keys}, valid_from ORDER BY delivery, known_at, {content}) AS place,
                coalesce(bool_or(valid_from IS NULL) OVER of_delivery, false) AS says_now,
                coalesce(bool_or(valid_from IS NOT NULL) OVER so_far, false) AS is_dated,
                arg_max(content, (valid_from, content)) FILTER (valid_from <= landed_at) OVER of_delivery AS in_force
            FROM told
            WINDOW of_moment AS (PARTITION BY {keys}, valid_from ORDER BY delivery),
                of_delivery AS (PARTITION BY {keys}, delivery),
                so_far AS (PARTITION BY {keys} ORDER BY delivery)
        ), dated AS (
            SELECT * EXCLUDE (valid_from), valid_from AS moment,
                coalesce(valid_from, CASE WHEN place = 1 AND NOT is_dated THEN {since} END, landed_at) AS valid_from
            FROM compared
        ), spells AS ({_spells(f"{keys}, moment", "valid_from")})
        SELECT DISTINCT {_listed(names)} FROM ({_known("spells", f"{keys}, valid_from")})
        WHERE CASE
            WHEN moment IS NOT NULL AND says_now THEN nth = 1
            ELSE moment IS NOT NULL OR nth > 1 OR in_force IS DISTINCT FROM content
        END
        ORDER BY {_listed(names)}
    """


def of_facts(key: Sequence[str], begins: str | None, names: Sequence[str]) -> str:
    """One row per key and change of what is said of it, the first known since the first delivery that stated it."""
    content = _content(names, "known_at")
    keys = _listed(key)
    # Of two rows of one delivery the closed ticket is the newer.
    newest = "closed_at DESC NULLS LAST, " if "closed_at" in names else ""
    return f"""
        WITH told AS (
            SELECT *, md5(CAST(({content}) AS VARCHAR)) AS content FROM stated
            QUALIFY row_number() OVER (PARTITION BY {keys}, delivery, known_at ORDER BY {newest}{content}) = 1
        ), dated AS (
            SELECT *, dense_rank() OVER (PARTITION BY {keys} ORDER BY delivery) AS nth FROM told
        ), spells AS ({_spells(keys, f'"{begins}"')})
        SELECT DISTINCT {_listed(names)} FROM ({_known("spells", keys)}) ORDER BY {_listed(names)}
    """


def _spells(of: str, since: str) -> str:
    """The rows of `dated` that one delivery after the other repeats as one: as the first has it, known since any did.

    So what goes back to what it was is told again, and what is repeated is not.
    """
    known = f"coalesce(known_at, CASE WHEN history THEN {since} ELSE greatest({since}, landed_at) END)"
    return f"""
        SELECT * REPLACE (min({known}) OVER spell AS known_at), known_at IS NOT NULL AS is_stated
        FROM (
            SELECT *, nth - dense_rank() OVER (PARTITION BY {of}, content ORDER BY nth) AS gone FROM dated
        )
        WINDOW spell AS (PARTITION BY {of}, content, gone)
        QUALIFY nth = min(nth) OVER spell
    """


def _known(spells: str, of: str) -> str:
    """Of rows known from one instant those of the newest delivery.

    An import that is delivered again is corrected so; and one that comes after what was delivered live takes its
    place from when that was known, not from before.
    """
    before = "RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    return f"""
        SELECT * FROM (
            SELECT * REPLACE (CASE WHEN is_stated THEN known_at ELSE greatest(
                known_at, max(known_at) OVER (PARTITION BY {of} ORDER BY delivery {before})
            ) END AS known_at)
            FROM {spells}
        )
        QUALIFY delivery = max(delivery) OVER (PARTITION BY {of}, known_at)
    """


def _content(names: Sequence[str], *but: str) -> str:
    return _listed([name for name in names if name not in but])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def newest(key: Sequence[str], names: Sequence[str]) -> str:
    """One row per key, as the newest delivery states it."""
    return f"""
        SELECT {_listed(names)} FROM stated
        QUALIFY row_number() OVER (PARTITION BY {_listed(key)} ORDER BY delivery DESC, {_listed(names)}) = 1
        ORDER BY {_listed(names)}
    """

"""What is usual for similar accounts on a morning."""

import pandas as pd

from usage_pipeline import periods

# Below ten a median is one neighbour's habit, not what is usual.
ENOUGH = 10

# Similar: industry and size, else size, else all accounts; the first level with ten that know the column.
LEVELS: tuple[tuple[str, ...], ...] = (("industry", "size_band"), ("size_band",), ())


def medians(snapshots: pd.DataFrame) -> pd.DataFrame:
    """For each account and numeric column the median of its peers in use; NaN below ten of them.

    Accounts without an event in 28 days are no yardstick: where nobody cancels, most of a fleet
    has left long ago and would make every silence look usual.
    """
    numbers = snapshots.select_dtypes("number").astype("float64")
    in_use = snapshots["days_since_last_use"].astype("float64") <= periods.MONTH
    compared = numbers.where(in_use)
    found = pd.DataFrame(float("nan"), index=numbers.index, columns=numbers.columns)
    for level in LEVELS:
        of_level = compared.groupby(_group(snapshots, level), sort=False)
        enough = of_level.transform("count") >= ENOUGH
        found = found.where(found.notna(), of_level.transform("median").where(enough))
    return found


def _group(snapshots: pd.DataFrame, level: tuple[str, ...]) -> pd.Series:
    group = pd.Series("", snapshots.index)
    for name in level:
        group = group + ", " + snapshots[name].fillna("unknown")
    return group

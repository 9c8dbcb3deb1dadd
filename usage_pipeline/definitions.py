"""Dagster's door: everything in `defs/`, as one set of definitions."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of the project."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)

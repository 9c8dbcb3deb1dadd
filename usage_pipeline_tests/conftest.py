from pathlib import Path

import pytest

from usage_pipeline import engine
from usage_pipeline.lake import Lake


@pytest.fixture(scope="session")
def backend(tmp_path_factory):
    """One in-memory engine for the whole session; tables of two connections cannot be joined."""
    return engine.connect(memory_limit="1GB", threads=2, spill=tmp_path_factory.mktemp("spill"))


@pytest.fixture
def lake(tmp_path: Path, backend) -> Lake:
    return Lake(str(tmp_path / "lake"), backend)

"""The sandbox's process and the stages' frames are described once, beside the tests of `crm` and `sync`."""

import sys
from pathlib import Path

import pytest

for folder in ("crm", "sync"):
    sys.path.append(str(Path(__file__).parents[1] / folder))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    from crm_sandbox import running

    with running(tmp_path_factory.mktemp("faults") / "sandbox.sqlite") as sandbox:
        yield sandbox

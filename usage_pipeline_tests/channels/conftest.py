import pytest
import receiver as receivers


@pytest.fixture
def receiver():
    with receivers.running() as one:
        yield one

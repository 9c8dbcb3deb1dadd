"""The home's sandbox beside a command: a served one is used, and nobody else's is."""

from contextlib import ExitStack

from usage_pipeline.home import Home
from usage_pipeline.run import sandboxed
from usage_pipeline.settings import Settings


def home(folder, port=0):
    return Home(Settings(home=folder, sandbox_port=port))


def port_of(sandbox):
    return int(sandbox.url.rpartition(":")[2])


def test_a_command_beside_a_served_sandbox_uses_it_instead_of_failing(tmp_path, monkeypatch):
    monkeypatch.setenv("USAGE_SANDBOX_PORT", "0")
    with sandboxed.running(home(tmp_path)) as served, sandboxed.running(home(tmp_path, port_of(served))) as again:
        assert again.url == served.url


def test_the_sandbox_of_another_home_is_not_taken_for_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("USAGE_SANDBOX_PORT", "0")
    with ExitStack() as stack:
        other = stack.enter_context(sandboxed.running(home(tmp_path / "other")))
        own = stack.enter_context(sandboxed.running(home(tmp_path / "own", port_of(other))))
        assert own.url != other.url

"""One running stack for all end-to-end tests that only use it, and fresh ones for those that break it."""

import pytest

from tests.e2e.person import person
from tests.e2e.running import RunningStack

__all__ = ["own_stack", "person", "stack"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    running = RunningStack(tmp_path_factory.mktemp("stack")).start()
    yield running
    running.stop()
    assert running.outside_connections() == ""


@pytest.fixture
def own_stack(tmp_path):
    """A function that starts a stack of the test's own."""
    started = []

    def start(*options, **kwargs):
        running = RunningStack(tmp_path, *options, **kwargs)
        started.append(running)
        return running.start()

    yield start
    for running in started:
        running.stop()
        assert running.outside_connections() == ""

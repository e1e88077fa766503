"""One deployed stack, with an agent that has a tool for every kind of credential, and people who use it."""

import pytest

from tests.e2e.browser.profile import chromium, profile
from tests.e2e.person import person
from tests.e2e.running import ROOT, RunningStack
from tests.infra.deployed.stack import deployed

__all__ = ["chromium", "person", "profile", "stack"]


@pytest.fixture(scope="module")
def stack(engine, tmp_path_factory):
    dev = RunningStack(tmp_path_factory.mktemp("deployed")).start()
    try:
        yield deployed(dev, ROOT / "tests" / "e2e" / "robots" / "agent.py")
    finally:
        dev.stop()

"""One deployed stack, with an agent that has a tool for every kind of credential, and people who use it."""

import pytest

from tests.e2e.browser.profile import chromium, profile
from tests.e2e.person import person
from tests.e2e.running import ROOT
from tests.infra.deployed.stack import brought_up

__all__ = ["chromium", "person", "profile", "stack"]


@pytest.fixture(scope="module")
def stack(pulumi, cloud, tmp_path_factory):
    database = tmp_path_factory.mktemp("database") / "fujie.db"
    agent = ROOT / "tests" / "e2e" / "robots" / "agent.py"
    return brought_up(pulumi(), cloud, f"fujie:agent={agent}", f"fujie:database_url=sqlite+aiosqlite:///{database}")

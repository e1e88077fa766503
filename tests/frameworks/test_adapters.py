"""Each framework itself, with the scripted model, through our adapter: in an environment that has it."""

import pytest

from fujie_emulator.testing import running
from tests.frameworks.environments import run_inside


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.mark.parametrize("framework", ["agentscope_1", "agentscope_2", "langgraph"])
def test_a_framework_is_heard(framework, cloud):
    run_inside(framework, SCRIPTED_MODEL_URL=cloud.url)

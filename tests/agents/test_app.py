"""The agent as its developer writes it."""

import subprocess
import sys

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.loading import agent_from_file
from fujie.errors import SettingsError
from fujie.tools.declaration import Tool


async def _nothing(ctx): ...


def tool(name):
    return Tool(name, "does nothing", {"type": "object"}, _nothing)


def test_an_agent_keeps_its_tools():
    app = AgentApp(app_name="Weather", tools=[tool("a"), tool("b")])
    assert [one.name for one in app.tools] == ["a", "b"]


@pytest.mark.parametrize("fields", [{"app_name": ""}, {"app_name": "a/b"}, {"app_name": "x" * 65}])
def test_a_name_that_cannot_be_one_is_refused(fields):
    with pytest.raises(SettingsError):
        AgentApp(**fields)


@pytest.mark.parametrize("tools", [[tool("a"), tool("a")], [_nothing]])
def test_tools_that_cannot_be_are_refused(tools):
    with pytest.raises(SettingsError):
        AgentApp(app_name="Weather", tools=tools)


def test_an_agent_file_may_import_what_lies_beside_it(tmp_path):
    (tmp_path / "neighbour_of_agent.py").write_text("NAME = 'Ours'")
    file = tmp_path / "agent.py"
    file.write_text("from neighbour_of_agent import NAME\nfrom fujie import AgentApp\napp = AgentApp(app_name=NAME)\n")
    assert agent_from_file(file).app_name == "Ours"


@pytest.mark.parametrize("source", [None, "x = 1", "app = 1", "1 / 0", "from fujie import Nope", "app = ("])
def test_a_file_without_an_agent_gets_one_sentence(tmp_path, source):
    file = tmp_path / "agent.py"
    if source is not None:
        file.write_text(source)
    with pytest.raises(SettingsError) as caught:
        agent_from_file(file)
    assert str(file) in caught.value.message


def test_an_agent_is_light_to_import():
    names = ("pydantic", "pydantic_ai", "fastapi", "httpx2", "sqlalchemy")
    code = f"import sys, fujie; fujie.AgentApp(app_name='x'); print([n for n in {names} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

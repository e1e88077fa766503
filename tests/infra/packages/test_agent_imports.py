"""An agent's folder in a package: its modules, what is beside it and its own libraries are imported from the zip."""

import re
import sys
from pathlib import Path

import pytest

from infra.packages.agent_imports import check_imports, imported_names
from infra.packages.building import build
from infra.packages.errors import PackagingError
from infra.packages.target import here
from tests.infra.packages.test_building import FUNCTIONS, imported

AGENT = """
from typing import TYPE_CHECKING

import iniconfig
from helper import NAME
from vendored.deep import VALUE

from fujie import AgentApp, tool

if TYPE_CHECKING:
    import never_there

try:
    import perhaps_there
except ImportError:
    perhaps_there = None


@tool()
async def look(context) -> str:
    \"\"\"Look.\"\"\"
    return VALUE


app = AgentApp(NAME, tools=[look])


@app.query
async def answer(msgs):
    yield iniconfig.__name__
"""
ASKED = """
import asyncio, json
from fujie.agents.loading import agent_from_file
from fujie.agents.config import AgentConfig
app = agent_from_file(code + "/agent/agent.py")
app.config = AgentConfig(open_access=True)
sent = []
async def receive():
    return {"type": "http.request", "body": b'{"input": [{"role": "user", "content": []}]}'}
async def send(message):
    sent.append(message.get("body", b"").decode())
headers, peer = [(b"host", b"localhost")], ("127.0.0.1", 1)
scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/process", "query_string": b""}
scope |= {"headers": headers, "client": peer}
asyncio.run(app(scope, receive, send))
print(app.app_name, [tool.name for tool in app.tools], "iniconfig" in sent[-1], sorted(sys.modules))
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """An agent with a helper beside it, a package of others', and a library of its own."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "vendored" / "data").mkdir(parents=True)
    (folder / "agent.py").write_text(AGENT)
    (folder / "helper.py").write_text("NAME = 'Packed'\n")
    (folder / "vendored" / "__init__.py").write_text("")
    (folder / "vendored" / "deep.py").write_text(
        "from pathlib import Path\nfrom . import more\nVALUE = (Path(__file__).parent / 'data/value.txt').read_text()\n"
    )
    (folder / "vendored" / "more.py").write_text("import json\n")
    (folder / "vendored" / "data" / "value.txt").write_text("seen")
    lock = (Path(__file__).parents[3] / "requirements.lock").read_text()
    own = re.search(r"^iniconfig==(?:.*\\\n)+.*\n", lock, re.MULTILINE)
    (folder / "requirements.txt").write_text(own[0])
    return folder / "agent.py"


@pytest.mark.parametrize("function", ["process", "tool"])
def test_an_agent_answers_from_the_package_alone(function, agent, tmp_path):
    package = build(FUNCTIONS[function], here(), tmp_path / "out", agent)
    if function == "tool":
        code = (
            "from fujie.tools.loading import load_tools; print([t.name for t in load_tools(code + '/agent/agent.py')])"
        )
        told = imported(package, sys.executable, f"code = {str(tmp_path / 'code')!r}; {code}", tmp_path)
        assert told == "['look']\n"
        return
    script = tmp_path / "asked.py"
    script.write_text(f"import sys\ncode = {str(tmp_path / 'code')!r}\n{ASKED}")
    told = imported(package, sys.executable, f"exec(open({str(script)!r}).read())", tmp_path)
    assert told.startswith("Packed ['look'] True")


def test_what_an_agent_imports_and_nobody_brings_is_refused_by_name(agent, tmp_path):
    assert imported_names(agent) == {"iniconfig", "fujie"}
    with pytest.raises(PackagingError, match=r"agent\.py imports iniconfig, which is neither beside it") as refused:
        check_imports(agent, tmp_path)
    assert "requirements.txt" in refused.value.repair
    (tmp_path / "iniconfig").mkdir()
    check_imports(agent, tmp_path)


def test_a_module_beside_it_is_followed_and_one_that_is_not_imported_is_not(tmp_path):
    (tmp_path / "agent.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("class A:\n    from elsewhere.deep import b\n")
    (tmp_path / "stray.py").write_text("import not_asked_for\n")
    assert imported_names(tmp_path / "agent.py") == {"elsewhere"}

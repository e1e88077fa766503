import pytest

from fujie.errors import SettingsError
from fujie.tools.errors import ToolDeclarationError
from fujie.tools.loading import load_tools

AGENT = '''
from beside import GREETING
from fujie import AgentApp, tool

@tool()
async def greet(context) -> str:
    """Greet."""
    return GREETING

app = AgentApp(app_name="greeter", tools=[greet])
'''


def written(tmp_path, text):
    path = tmp_path / "agent.py"
    path.write_text(text)
    return path


def test_an_agent_file_gives_its_tools_and_may_import_what_lies_beside_it(tmp_path):
    (tmp_path / "beside.py").write_text("GREETING = 'hello'\n")
    assert [tool.name for tool in load_tools(written(tmp_path, AGENT))] == ["greet"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no agent"),
        ("app = object()", "no agent"),
        ("class A: tools = ['x']\napp = A()", "no agent"),
        ("raise RuntimeError('broken here')", "broken here"),
        ("import json\n\njson.loads('{')", r"line 1 column 2 .* \(line 3\)"),
        ("def (", "does not run"),
    ],
)
def test_a_file_that_is_no_agent_is_told_in_one_sentence(tmp_path, text, says):
    with pytest.raises(SettingsError, match=says):
        load_tools(written(tmp_path, text))


def test_a_missing_file_names_the_setting(tmp_path):
    with pytest.raises(SettingsError) as refused:
        load_tools(tmp_path / "nowhere.py")
    assert "FUJIE_AGENT" in refused.value.repair


def test_a_bad_declaration_keeps_its_own_error(tmp_path):
    with pytest.raises(ToolDeclarationError, match="bare"):
        load_tools(written(tmp_path, "from fujie import tool\n@tool()\nasync def bare(context, x):\n    'Bare.'\n"))

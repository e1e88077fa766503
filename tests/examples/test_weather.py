"""The example that people copy: short, and importing only `fujie` and Python's own."""

import ast
import sys
from pathlib import Path

from fujie.agents.loading import agent_from_file

FILE = Path(__file__).parents[2] / "examples" / "weather" / "agent.py"


def test_it_is_a_complete_agent_in_under_forty_lines():
    app = agent_from_file(FILE)
    assert [tool.name for tool in app.tools] == ["get_weather", "to_fahrenheit"]
    assert app.tools[0].credential.provider == "weather"
    assert app.tools[0].parameters["required"] == ["city"]
    assert len(FILE.read_text().splitlines()) < 40


def test_it_imports_only_fujie():
    imports = [node for node in ast.walk(ast.parse(FILE.read_text())) if isinstance(node, ast.ImportFrom | ast.Import)]
    modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    assert modules - set(sys.stdlib_module_names) == {"fujie"}

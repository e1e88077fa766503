import pytest

from infra.declaration import ROUTES
from infra.packages.reach import ROOT, reach

FUNCTIONS = ("chat", "process", "callback", "tool")


def modules(function):
    return set(reach(f"functions.{function}.main").files)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_no_other_function_and_nothing_that_never_ships(function):
    for path in modules(function):
        assert not path.startswith(("infra/", "fujie_emulator/", "fujie/cli/", "fujie/client/"))
        assert not path.startswith(tuple(f"functions/{other}/" for other in FUNCTIONS if other != function))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_module_in_a_package_finds_the_packages_above_it(function):
    files = modules(function)
    for path in files:
        parts = path.split("/")[:-1]
        if path.endswith(".py"):
            assert {"/".join([*parts[: n + 1], "__init__.py"]) for n in range(len(parts))} <= files


def test_only_process_carries_the_agent_framework_and_only_tool_the_object_storage():
    carried = {function: set(reach(f"functions.{function}.main").requirements) for function in FUNCTIONS}
    assert {name for name in FUNCTIONS if "pydantic-ai-slim" in carried[name]} == {"process"}
    assert {name for name in FUNCTIONS if {"oss2", "crcmod-plus"} <= carried[name]} == {"tool"}
    assert {name for name in FUNCTIONS if "mangum" in carried[name]} == {"callback", "tool"}


def test_only_process_carries_the_migrations():
    carried = {function: reach(f"functions.{function}.main") for function in FUNCTIONS}
    versions = {name for name in carried["process"].files if name.startswith("fujie/sessions/migrations/versions/r")}
    there = {path.name for path in (ROOT / "shared/fujie/sessions/migrations/versions").glob("r*.py")}
    assert {name.rpartition("/")[2] for name in versions} == there
    assert "fujie/sessions/migrations/env.py" in carried["process"].files
    assert [name for name in FUNCTIONS if "alembic" in carried[name].requirements] == ["process"]


def test_the_chat_page_and_the_consent_pages_travel_with_their_functions():
    assert "functions/chat/static/index.html" in modules("chat")
    assert "functions/callback/templates/connect.html" in modules("callback")


def test_a_module_that_only_a_string_names_is_reached():
    assert "fujie/sessions/sql.py" in modules("process")


def test_every_file_is_where_it_says():
    for name, path in reach("functions.tool.main").files.items():
        assert path.is_file()
        assert path.is_relative_to(ROOT)
        assert name.endswith(path.name)


def test_all_functions_of_the_route_table_can_be_packed():
    for function in {owner for _, owner in ROUTES}:
        assert modules(function)


def added_by(agent, tmp_path):
    """Return the files and the requirements with which an agent's file adds to the package of `tool`."""
    (tmp_path / "agent.py").write_text(agent)
    without, found = reach("functions.tool.main"), reach("functions.tool.main", [tmp_path / "agent.py"])
    return set(found.files) - set(without.files), set(found.requirements) - set(without.requirements)


def test_tool_carries_what_loading_an_agents_file_needs_and_not_what_serving_it_does(tmp_path):
    files, libraries = added_by(
        "from fujie import AgentApp, tool\nimport json, yours\nfrom .beside import it\n", tmp_path
    )
    assert {"fujie/agents/app.py", "fujie/agents/config.py", "fujie/agents/own.py"} <= files, "decorators are called"
    assert not [name for name in files if name.startswith(("fujie/agents/serving", "fujie/llm", "fujie/sessions"))]
    assert not [name for name in files if "adapters/" in name and not name.endswith(("__init__.py", "port.py"))]
    assert libraries == set()


def test_names_that_a_package_has_from_elsewhere_are_found_there(tmp_path):
    files, _ = added_by("from fujie.agents.compat import PingStatus\n", tmp_path)
    assert "fujie/agents/compat/ping_status.py" in files
    assert "fujie/agents/compat/agentscope_memory.py" not in files


def test_a_library_of_ours_that_an_agent_imports_comes_with_it_and_one_that_is_not_there_is_no_fault(tmp_path):
    agent = "import prometheus_client\nfrom fujie.nowhere import it\nimport fujie.nothing\n"
    assert added_by(agent, tmp_path) == (set(), {"prometheus-client"})

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
    assert {name for name in FUNCTIONS if "pydantic-ai-slim[openai]" in carried[name]} == {"process"}
    assert {name for name in FUNCTIONS if {"oss2", "crcmod-plus"} <= carried[name]} == {"tool"}
    assert {name for name in FUNCTIONS if "mangum" in carried[name]} == {"callback", "tool"}


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

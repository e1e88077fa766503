"""What a start may not import: each of these costs tens to hundreds of milliseconds, and comes with its first use."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from infra.config import StackConfig
from infra.environment import Resolved, function_environment
from infra.stack_secrets import load_or_create

DATABASE = {"sqlalchemy", "alembic", "aiosqlite", "asyncpg", "greenlet"}
JOSE = {"joserfc", "cryptography"}
AGENT = {"pydantic_ai", "openai", "mcp", "jinja2"}
CLOUD = {"oss2", "aliyunsdkcore", "requests", "aiohttp", "Tea", "alibabacloud_tea_openapi", "alibabacloud_credentials"}
WEB = {"fastapi", "starlette", "httpx2", "pydantic", "uvicorn", "mangum"}
FRAMEWORKS = {"agentscope", "langgraph", "langchain", "langchain_core"}
LATE = {"prometheus_client", "websockets", "yaml"}
DEAR = {"dataclasses", "click", "multiprocessing", "tempfile", "hashlib"}
"""A class of `dataclasses` generates its code when it is imported, a millisecond each: ours are structs until the first
answer. The others come with uvicorn's command line, or for what few agents ask."""
TERMINAL = {"typer", "rich", "watchfiles"}
ABOVE = {"fujie_emulator", "infra"}
FUNCTION = DATABASE | JOSE | AGENT | CLOUD | TERMINAL | ABOVE

BUILT_IN = "import functions.{0}.main"
CUSTOM = (
    "import functions.{0}.main; from functions.{0}.app import create_app;"
    "from functions.{0}.parts import parts_from_settings; from fujie.settings import settings_from_environ;"
    "create_app(parts_from_settings(settings_from_environ()))"
)


@dataclass(frozen=True)
class Start:
    """What a program does before its first answer, and what that must not import."""

    code: str
    never: set[str]
    function: str = field(default="")
    at_most: int | None = None
    """Modules, of which each costs a quarter of a millisecond even when it is small."""


STARTS = {
    "fujie": Start("import fujie", FUNCTION | WEB),
    "an agent alone, and its first answer": Start("import tests.agents.alone", FUNCTION | FRAMEWORKS | WEB | LATE),
    "an agent served alone, and its first answer": Start(
        "import tests.agents.alone_served", FUNCTION | FRAMEWORKS | LATE | DEAR | WEB - {"uvicorn"}, at_most=300
    ),
    "an agent's server": Start("import fujie.agents.serving.running", FUNCTION | FRAMEWORKS | WEB | LATE),
    "chat": Start(CUSTOM.format("chat"), FUNCTION | {"mangum"}, "chat"),
    "process": Start(
        CUSTOM.format("process"),
        FUNCTION | FRAMEWORKS | LATE | {"mangum", "fastapi", "starlette", "pydantic"},
        "process",
    ),
    "callback": Start(BUILT_IN.format("callback"), FUNCTION | {"uvicorn"}, "callback"),
    "tool": Start(BUILT_IN.format("tool"), FUNCTION | {"uvicorn"}, "tool"),
    "the migrations": Start("import fujie.sessions.migrate", {"alembic", "mako"} | WEB),
    "fujie dev": Start("import fujie.cli.app, fujie.cli.dev", (FUNCTION | WEB) - {"typer", "rich"}),
    "the local stack": Start("import infra.local", DATABASE | JOSE | AGENT | CLOUD | {"fastapi", "fujie_emulator"}),
    "the emulator": Start(
        "from fujie_emulator.core.serving import load_services; load_services()",
        DATABASE | CLOUD | AGENT - {"jinja2"} | {"typer", "rich"} | {"fastapi", "pydantic", "mangum", "fujie", "infra"},
    ),
    "the emulator's command line": Start("import fujie_emulator.__main__", FUNCTION - {"fujie_emulator"} | WEB),
}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("graph")
    nowhere = "http://127.0.0.1:9"
    config = StackConfig("graph", "1", "cn-beijing", nowhere, "bucket", cloud_url=nowhere, issuer=nowhere)
    database = f"sqlite+aiosqlite:///{directory / 'none.db'}"
    secrets = load_or_create(directory / "keys.json", [])
    return Resolved(config, secrets, "app", "agent", database, nowhere, nowhere, "", {}, {})


@pytest.mark.parametrize("name", STARTS)
def test_a_start_imports_nothing_that_its_first_answer_does_not_need(name, resolved):
    start = STARTS[name]
    env = function_environment(start.function, resolved) if start.function else {}
    code = f"import sys, json; {start.code}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    modules = json.loads(ran.stdout.splitlines()[-1])
    assert {module.partition(".")[0] for module in modules} & start.never == set()
    assert start.at_most is None or len(modules) <= start.at_most


def test_the_names_above_are_those_of_modules_that_are_there():
    names = FUNCTION | WEB | {"mako"}
    code = f"from importlib.util import find_spec; print([name for name in {sorted(names)!r} if not find_spec(name)])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"

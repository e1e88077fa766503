"""One real package for each of the two targets; the libraries come through uv, as at a deployment."""

import re
import subprocess
import sys
import zipfile

import pytest

from infra.config import StackConfig
from infra.declaration import declare
from infra.environment import Resolved, function_environment
from infra.packages import building
from infra.packages.building import agent_in_package, build
from infra.packages.errors import PackagingError
from infra.packages.target import CLOUD, here
from infra.stack_secrets import load_or_create

CONFIG = StackConfig("t", "1", "cn-beijing", "https://t.example", "b")
FUNCTIONS = {function.name: function for function in declare(CONFIG, []).functions}
FLOORS = {"chat": 30_000_000, "process": 50_000_000, "callback": 30_000_000, "tool": 30_000_000}


def target_or_skip(target):
    try:
        target.interpreter()
    except PackagingError as error:
        pytest.skip(error.message)
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return {name: build(FUNCTIONS[name], here(), folder) for name in ("callback", "process")}


@pytest.fixture(scope="module")
def for_the_cloud(tmp_path_factory):
    target_or_skip(CLOUD)
    return build(FUNCTIONS["tool"], CLOUD, tmp_path_factory.mktemp("cloud"))


def imported(package, interpreter, code, folder):
    """Run code with the unpacked package and Python's own library, nothing else; return what it printed."""
    zipfile.ZipFile(package.path).extractall(folder / "code")
    nowhere = "http://127.0.0.1:9"
    database = f"sqlite+aiosqlite:///{folder / 'none.db'}"
    secrets = load_or_create(folder / "keys.json", [])
    resolved = Resolved(CONFIG, secrets, "app", "agent", database, nowhere, nowhere, "", {}, {})
    ran = subprocess.run(
        [
            interpreter,
            "-I",
            "-S",
            "-W",
            "ignore",
            "-c",
            f"import sys; sys.path.insert(0, {str(folder / 'code')!r}); {code}",
        ],
        env=function_environment(package.function, resolved),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def names(package):
    return zipfile.ZipFile(package.path).namelist()


def test_the_same_code_is_the_same_package(built, tmp_path):
    again = build(FUNCTIONS["callback"], here(), tmp_path)
    assert (again.sha256, again.object_key) == (built["callback"].sha256, built["callback"].object_key)
    assert again.object_key == f"code/callback/{again.sha256}.zip"


def test_every_package_stays_below_its_floor(built, for_the_cloud):
    for package in (*built.values(), for_the_cloud):
        assert package.size < FLOORS[package.function]


def test_every_module_travels_with_its_bytecode(built):
    held = set(names(built["callback"]))
    tag = sys.implementation.cache_tag
    for name in (name for name in held if name.endswith(".py")):
        folder, _, file = name.rpartition("/")
        assert f"{folder}{'/' if folder else ''}__pycache__/{file[:-3]}.{tag}.pyc" in held


def test_the_bytecode_is_never_compared_with_a_source_and_names_no_place_of_this_machine(built):
    archive = zipfile.ZipFile(built["callback"].path)
    compiled = archive.read(f"functions/callback/__pycache__/app.{sys.implementation.cache_tag}.pyc")
    assert compiled[4:8] == b"\x01\x00\x00\x00"
    assert b"/code/functions/callback/app.py" in compiled


def test_a_package_runs_by_itself(built, tmp_path):
    code = "import index; print(callable(index.handler), index.__file__)"
    assert imported(built["callback"], sys.executable, code, tmp_path) == f"True {tmp_path / 'code' / 'index.py'}\n"


def test_the_clouds_binaries_are_for_its_python_and_its_processor(for_the_cloud):
    binaries = [name for name in names(for_the_cloud) if ".so" in name]
    assert binaries
    for name in binaries:
        assert re.search(r"(cpython-312-x86_64-linux-gnu|abi3)\.so", name), name


def test_the_clouds_package_is_imported_by_the_clouds_python(for_the_cloud, tmp_path):
    code = "import sqlalchemy.ext.asyncio, asyncpg, oss2, mcp, index; print(index.handler.__module__)"
    assert imported(for_the_cloud, CLOUD.interpreter(), code, tmp_path)


def test_an_agent_travels_with_the_functions_that_load_it_and_with_no_other(built, tmp_path):
    folder = tmp_path / "mine"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("")
    (folder / "agent.py").write_text("app = None\n")
    (folder / "words.json").write_text("{}")
    with_agent = build(FUNCTIONS["process"], here(), tmp_path / "out", folder / "agent.py")
    added = set(names(with_agent)) - set(names(built["process"]))
    assert {name for name in added if not name.endswith(".pyc")} == {"agent/agent.py", "agent/words.json"}
    assert agent_in_package(folder / "agent.py") in added
    assert (
        build(FUNCTIONS["callback"], here(), tmp_path / "out", folder / "agent.py").sha256 == built["callback"].sha256
    )


def test_a_folder_that_is_no_agents_own_is_refused(tmp_path):
    for number in range(2001):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "agent.py").touch()
    with pytest.raises(PackagingError, match="holds 2002 files"):
        build(FUNCTIONS["process"], here(), tmp_path / "out", tmp_path / "agent.py")


def test_what_is_there_of_the_same_ingredients_is_not_made_again(built, monkeypatch):
    monkeypatch.setattr("infra.packages.building._make", None)
    assert build(FUNCTIONS["callback"], here(), built["callback"].path.parent) == built["callback"]


def test_a_package_over_the_limit_is_refused_and_not_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "MAX_ZIP_BYTES", 1000)
    with pytest.raises(PackagingError, match=r"of callback has \d+ bytes, over the limit of 1000") as refused:
        build(FUNCTIONS["callback"], here(), tmp_path)
    assert "ship them as a layer" in refused.value.repair
    assert not list(tmp_path.iterdir())

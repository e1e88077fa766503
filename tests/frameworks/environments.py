"""Frameworks that cannot live beside us, each in an environment of its own, made when a test first needs it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".venv-frameworks"
INSIDE = Path(__file__).parent / "inside"

_ONE_LOOP = ("-o", "asyncio_default_test_loop_scope=session", "-o", "asyncio_default_fixture_loop_scope=session")
"""Frameworks keep their HTTP clients, and with them the loop."""
_TESTED_BY = ("pytest==9.2.0", "pytest-asyncio==1.5.0")
_OURS = ("msgspec>=0.22", "uvicorn>=0.54", "uvloop", "httptools", "httpx2>=2", "pydantic>=2.14")
PACKAGES = {
    # AgentScope 1.x does not say that it needs the last four like this: with newer ones it does not import, or breaks.
    "agentscope_1": ("agentscope==1.0.21", "mcp==1.30.0", "openai==2.54.0", "tqdm", "greenlet"),
    "agentscope_2": ("agentscope==2.0.10",),
    "langgraph": ("langgraph==1.2.22", "langchain==1.4.7", "langchain-openai==1.7.3"),
    "a2a_0_3": ("a2a-sdk[signing]==0.3.26",),
    "clients": (
        "bedrock-agentcore==1.25.0",
        "ppio-sandbox==2.1.0",
        "websockets==17.4",
        "strands-agents[openai]==1.62.0",
    ),
}


def python_of(name: str) -> Path:
    """Return the Python that has the framework; skip the test where none can be made and none is demanded."""
    place = PLACE / name
    wanted = "\n".join((*PACKAGES[name], *_TESTED_BY, *_OURS))
    PLACE.mkdir(exist_ok=True)
    with (PLACE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = place / ".installed"
        if not installed.exists() or installed.read_text() != wanted:
            _install(place, wanted.split())
            installed.write_text(wanted)
    return place / "bin" / "python"


def run_inside(name: str, **environ: str) -> None:
    """Run the tests of `inside/<name>.py` with that framework; fail with what they say."""
    command = [
        *(str(python_of(name)), "-m", "pytest", str(INSIDE / f"{name}.py"), "-q", "-p", "no:cacheprovider"),
        *("--import-mode=importlib", "-o", "asyncio_mode=auto", *_ONE_LOOP, "--rootdir", str(ROOT), "-c", os.devnull),
    ]
    paths = {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | paths | environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def uv() -> str:
    """Return the installer; skip the test where there is none and none is demanded."""
    own = ROOT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None and not os.environ.get("FUJIE_TESTS_REQUIRE_ALL"):
        pytest.skip("no uv, no environment for another framework")
    assert found is not None, "uv is missing: run make install"
    return found


def _install(place: Path, packages: list[str]) -> None:
    subprocess.run([uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
    command = [uv(), "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *packages]
    subprocess.run(command, check=True)

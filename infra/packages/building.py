"""A function's code package, made whole or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.declaration import Function
from infra.packages.agent_imports import check_imports, own_requirements
from infra.packages.archive import files_in, sha256_of, write_zip
from infra.packages.errors import PackagingError
from infra.packages.reach import reach
from infra.packages.target import Target
from infra.packages.wheels import compile_for, forget_unused, libraries, libraries_key, zipped

MAX_ZIP_BYTES = 100 * 1024 * 1024
"""What every region takes from OSS (fc.md 3); our own floors are 30 and 50 MB."""
MAX_AGENT_FILES = 2000
UNUSED_S = 86400
"""After that long without use a package is deleted here; one that is deployed lies in its bucket."""
NOT_PACKED = {"__pycache__", "tests", "partners", "node_modules"}
HANDLER = "index.handler"
AGENT_FUNCTIONS = ("process", "tool")
"""Those that load the agent's file."""


@dataclass(frozen=True)
class Package:
    """A zip of one function's code."""

    function: str
    path: Path
    sha256: str
    size: int
    """Bytes."""

    @property
    def object_key(self) -> str:
        """The key under which OSS keeps it: another content is another key, the same content is no change."""
        return f"code/{self.function}/{self.sha256}.zip"


def build_all(
    functions: Sequence[Function], target: Target, into: Path, agent: Path | None = None
) -> Sequence[Package]:
    """Return the packages of all functions, made side by side where need be. Raises PackagingError."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        packages = list(threads.map(lambda function: build(function, target, into, agent), functions))
    if into.is_dir():
        forget_unused(into, UNUSED_S)
    return packages


def build(function: Function, target: Target, into: Path, agent: Path | None = None) -> Package:
    """Write the function's package into a folder, unless it is there of the same ingredients. Raises PackagingError."""
    into.mkdir(parents=True, exist_ok=True)
    entry = function.entry if function.runtime.startswith("custom") else function.entry.rpartition(".")[0]
    of_agent = _agent_files(function.name, agent)
    reached = reach(entry, [path for path in of_agent.values() if path.suffix == ".py"])
    files = {**reached.files, **of_agent}
    own = own_requirements(agent) if of_agent else None
    path = into / f"{function.name}-{_ingredients(files, libraries_key(reached.requirements, target, own), target)}.zip"
    if not path.exists():
        found = libraries(reached.requirements, target, own)
        if agent is not None and of_agent:
            check_imports(agent, found)
        _make(function, entry, files, found, target, path)
    os.utime(path)
    return Package(function.name, path, sha256_of(path), path.stat().st_size)


def _make(function: Function, entry: str, files: Mapping[str, Path], found: Path, target: Target, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        code = Path(scratch) / "code"
        _copy(files, code)
        if not function.runtime.startswith("custom"):
            (code / "index.py").write_text(_shim(entry))
        compile_for(target, code)
        package = Path(scratch) / "package.zip"
        try:
            write_zip(files_in(code), package, zipped(found))
        except ValueError as error:
            raise PackagingError(f"{function.name}: {error}", repair="give that file another name") from None
        _check_size(function.name, package)
        package.replace(path)


def _ingredients(files: Mapping[str, Path], libraries_of_it: str, target: Target) -> str:
    """Return a hash of all that a package is made of, this recipe included."""
    recipe = {path.name: path for path in Path(__file__).parent.glob("*.py")}
    parts = [repr(target), libraries_of_it]
    for name, path in sorted({**files, **recipe}.items()):
        parts.append(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def agent_in_package(agent: Path) -> str:
    """Return the path of an agent's file below the code's folder, which is where functions start."""
    return f"agent/{agent.name}"


def _shim(module: str) -> str:
    """Return a handler at the top: the documents promise `file.function` and say nothing of deeper folders."""
    return f'"""The handler that Function Compute calls."""\n\nfrom {module} import handler as handler\n'


def _agent_files(function: str, agent: Path | None) -> dict[str, Path]:
    if agent is None or function not in AGENT_FUNCTIONS:
        return {}
    folder = agent.resolve().parent
    names = sorted(path for path in folder.rglob("*") if path.is_file() and _is_packed(path.relative_to(folder)))
    if len(names) > MAX_AGENT_FILES:
        raise PackagingError(
            f"the folder of {agent.name} holds {len(names)} files", repair="give the agent a folder of its own"
        )
    return {f"agent/{path.relative_to(folder).as_posix()}": path for path in names}


def _is_packed(path: Path) -> bool:
    return not any(part.startswith(".") or part in NOT_PACKED for part in path.parts)


def _copy(files: Mapping[str, Path], into: Path) -> None:
    for name, path in files.items():
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _check_size(function: str, zipped: Path) -> None:
    size = zipped.stat().st_size
    if size > MAX_ZIP_BYTES:
        raise PackagingError(
            f"the package of {function} has {size} bytes, over the limit of {MAX_ZIP_BYTES}",
            repair="take large files out of the agent's folder, or ship them as a layer",
        )

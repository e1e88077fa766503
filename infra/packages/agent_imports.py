"""What an agent's files import when they are loaded, and whether a package has it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.packages.errors import PackagingError
from infra.packages.reach import SOURCES

REQUIREMENTS = "requirements.txt"
"""The agent's own libraries, in a file of this name beside it: pinned, with hashes."""


def own_requirements(agent: Path | None) -> Path | None:
    """Return the file beside an agent that names its own libraries, if there is one."""
    beside = agent.resolve().parent / REQUIREMENTS if agent else None
    return beside if beside is not None and beside.is_file() else None


def check_imports(agent: Path, *places: Path) -> None:
    """Raise PackagingError, naming it, for what loading the agent imports and none of the places has."""
    for name in sorted(imported_names(agent) - set(SOURCES)):
        if not any(_is_in(place, name) for place in (agent.resolve().parent, *places)):
            raise PackagingError(
                f"{agent.name} imports {name}, which is neither beside it nor a library of the package",
                repair=f"name it in a {REQUIREMENTS} beside the agent: uv pip compile --generate-hashes",
            )


def imported_names(agent: Path) -> set[str]:
    """Return the top-level names of all but Python's own modules that loading the agent imports.

    Modules beside it are followed; what a `try` imports may be missing, and the type checker's imports are not made.
    """
    folder, names = agent.resolve().parent, set[str]()
    todo, seen = [agent.resolve()], set[Path]()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        package = file.parent.relative_to(folder).parts
        for name in _at_load(ast.parse(file.read_bytes()).body, package):
            top = name.partition(".")[0]
            beside = list(_files_of(folder, name))
            todo += beside
            if not beside and top not in sys.stdlib_module_names:
                names.add(top)
    return names


def _at_load(body: list[ast.stmt], package: tuple[str, ...]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            home = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{home}.{alias.name}" if home else alias.name for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from _at_load([*node.body, *node.orelse], package)
        elif isinstance(node, ast.With | ast.For | ast.ClassDef):
            yield from _at_load(node.body, package)


def _files_of(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files that importing a name runs, where it is beside the agent."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:length])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _is_in(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or any(folder.glob(f"{name}.py")) or any(folder.glob(f"{name}.*.so"))

"""What a function's code reaches: our modules, the libraries we declared, and the files beside the modules.

Imports inside functions count: they are late, not optional. A module named in a string counts when one of ours has that
name, since tables of late imports name modules so; imports for the type checker alone do not count. Of what an agent's
files import, only that counts which loading them needs: `tool` takes their tools, and serves no agent.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from threading import Lock

import grimp

ROOT = Path(__file__).resolve().parents[2]
SOURCES: Mapping[str, Path] = {"functions": ROOT / "functions", "fujie": ROOT / "shared" / "fujie"}
FOUND_BY_FOLDER: Mapping[str, str] = {"fujie.sessions.migrate": "fujie.sessions.migrations"}
"""Modules whose library looks for others in a folder."""
CALLED_AT_LOAD: Mapping[str, tuple[str, ...]] = {"fujie.agents.app": ("fujie.agents.own",)}
"""Modules whose functions an agent's file calls while it is loaded, as decorators, and what these import."""
NAMED_IN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "uvicorn": ("uvloop", "httptools"),
    "sqlalchemy": ("aiosqlite", "asyncpg"),
    "oss2": ("crcmod",),
    "fastapi": ("python_multipart",),
}
"""Libraries that others load by an option's value or an address, or without saying so in their requirements."""
NOT_CODE = {".pyc", ".pyi"}
_ONE = Lock()
"""Threads look one after the other, and find what the first one learned."""
Follow = Callable[[grimp.ImportGraph, str], Iterable[str]]
_DOTTED = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+")
_NAME = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?")


@dataclass(frozen=True)
class Reach:
    """What belongs into one package."""

    files: Mapping[str, Path]
    """Path in the package -> file here."""
    requirements: tuple[str, ...]
    """Names with extras, as pyproject.toml declares them; their versions are the lock's."""


def reach(entry: str, agent: Iterable[Path] = ()) -> Reach:
    """Return what a module of `functions` reaches, and what loading an agent's files needs."""
    with _ONE:
        return _reach(entry, agent)


def _reach(entry: str, agent: Iterable[Path]) -> Reach:
    graph = _graph()
    ours, libraries = _closure(graph, [entry], _imported)
    for_agent = _closure(graph, _named_by_agent(graph, agent), _loaded)
    ours, libraries = ours | for_agent[0], libraries | for_agent[1]
    packages = {parent for module in ours for parent in _parents(module)}
    files = {_path_of(module).relative_to(_source(module).parent).as_posix(): _path_of(module) for module in packages}
    folder = SOURCES["functions"] / entry.split(".")[1]
    data = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in {".py", *NOT_CODE})
    files |= {path.relative_to(ROOT).as_posix(): path for path in data}
    return Reach(dict(sorted(files.items())), tuple(_declared(libraries)))


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *SOURCES, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def _closure(graph: grimp.ImportGraph, entries: Iterable[str], follow: Follow) -> tuple[set[str], set[str]]:
    ours: set[str] = set()
    libraries: set[str] = set()
    todo = list(entries)
    while todo:
        module = todo.pop()
        if module.partition(".")[0] not in SOURCES:
            libraries |= {module.partition(".")[0], *NAMED_IN_OPTIONS.get(module, ())}
        elif module not in ours:
            ours.add(module)
            todo += follow(graph, module)
    return ours, libraries


def _imported(graph: grimp.ImportGraph, module: str) -> Iterator[str]:
    """Yield what a module imports, at once or later."""
    yield from graph.find_modules_directly_imported_by(module)
    yield from (name for name in _named(module) if name in graph.modules)
    if folder := FOUND_BY_FOLDER.get(module):
        yield from (name for name in graph.modules if name.startswith(folder))


def _loaded(graph: grimp.ImportGraph, module: str) -> Iterator[str]:
    """Yield what a module imports when it is loaded, and not inside its functions."""
    functions = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(_path_of(module).read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    yield from CALLED_AT_LOAD.get(module, ())
    for name in graph.find_modules_directly_imported_by(module):
        lines = (each["line_number"] for each in graph.get_import_details(importer=module, imported=name))
        if not all(any(line in inside for inside in functions) for line in lines):
            yield name


def _named_by_agent(graph: grimp.ImportGraph, files: Iterable[Path]) -> Iterator[str]:
    """Yield the modules and libraries that an agent's files import."""
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_bytes()))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(home for alias in node.names for home in _homes(graph, node.module, alias.name))]
        yield from (name for name in names if name in graph.modules or name.partition(".")[0] not in SOURCES)


def _homes(graph: grimp.ImportGraph, package: str, name: str) -> Iterator[str]:
    """Yield the modules of ours that a name of a package may be in: one of that name, or what its table says."""
    if package not in graph.modules or package.partition(".")[0] not in SOURCES:
        return
    said = [name]
    for node in ast.walk(ast.parse(_path_of(package).read_text("utf-8"))):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == name and isinstance(value, ast.Constant):
                said.append(str(value.value))
    yield from (home for each in said for home in (each, f"{package}.{each}") if home in graph.modules)


@cache
def _named(module: str) -> Sequence[str]:
    """Return the modules that a module's strings name; the package itself offers all of its rooms, and reaches none."""
    if module == "fujie":
        return ()
    nodes = ast.walk(ast.parse(_path_of(module).read_text("utf-8")))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return tuple(text for text in texts if _DOTTED.fullmatch(text))


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[: length + 1]) for length in range(len(parts)))


def _source(module: str) -> Path:
    return SOURCES[module.partition(".")[0]]


def _path_of(module: str) -> Path:
    path = _source(module).parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _declared(libraries: Iterable[str]) -> Iterator[str]:
    """Yield the declared requirements that provide these libraries; others come as requirements of those."""
    providers = _providers()
    wanted = {_canonical(name) for library in libraries for name in providers.get(library, ())}
    with (ROOT / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    for name in (match[0] for line in lines if (match := _NAME.match(line))):
        if _canonical(name.partition("[")[0]) in wanted:
            yield name


@cache
def _providers() -> Mapping[str, Sequence[str]]:
    return packages_distributions()


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""Which route answers a path: exact paths first, then those with open segments."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from fujie.agents.serving.asgi import Route

_OPEN = re.compile(r"\{(\w+)\}")
_NO_PARAMS: Mapping[str, str] = {}


class RoutingTable:
    """Finds routes by raw path; a path with `%2F` in a segment stays one segment."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._open: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        self.add(routes)

    def add(self, routes: Iterable[Route]) -> None:
        """Take routes in; the first that was added for a method and path stays."""
        for route in routes:
            self._methods(route.path).setdefault(route.method, route)

    def find(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        """Return the routes at a path by method, none when there is nothing, and its open segments' values."""
        if (exact := self._exact.get(path)) is not None:
            return exact, _NO_PARAMS
        for pattern, methods in self._open.values():
            if match := pattern.fullmatch(path):
                return methods, {name: unquote(value) for name, value in match.groupdict().items()}
        return {}, _NO_PARAMS

    def _methods(self, path: str) -> dict[str, Route]:
        if not _OPEN.search(path):
            return self._exact.setdefault(path, {})
        return self._open.setdefault(path, (_pattern(path), {}))[1]


def _pattern(path: str) -> re.Pattern[str]:
    fixed = _OPEN.split(path)
    named = (f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(fixed))
    return re.compile("".join(named))

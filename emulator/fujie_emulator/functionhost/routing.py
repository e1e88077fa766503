"""The one origin's table: the first pattern that matches a path names its function."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from fujie_emulator.core.errors import CloudError


@dataclass(frozen=True)
class RouteTable:
    """Patterns in order; `*` stands for anything, slashes too."""

    rows: tuple[tuple[str, str], ...] = ()

    def function_of(self, path: str) -> str | None:
        """Return the function that serves the decoded path."""
        return next((function for pattern, function in self.rows if _compiled(pattern).fullmatch(path)), None)


def table_from_document(document: Any) -> RouteTable:
    """Return the table of `[[pattern, function], ...]`; CloudError InvalidArgument (400) otherwise."""
    if not isinstance(document, list):
        raise CloudError("InvalidArgument", 400, "The routes must be a list of [pattern, function] pairs.")
    return RouteTable(tuple(_row(item) for item in document))


def _row(item: Any) -> tuple[str, str]:
    match item:
        case [str(pattern), str(function)] if pattern.startswith("/"):
            return pattern, function
        case _:
            raise CloudError("InvalidArgument", 400, 'A route must be ["/pattern", "function"], not ' + repr(item))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)

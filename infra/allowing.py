"""RAM policies read as far as it takes to say what they certainly do not allow.

Certain is a denial when no statement allows, or one denies without a condition: an allowance under a condition counts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.declaration import Statement

Grant = tuple[str, str]
"""An action, and a resource on which it is needed, which may be a pattern."""
Policy = Mapping[str, Any]
SHOWN = 3
"""How many missing actions a sentence names; the policy that is printed has them all."""


def missing(policies: Sequence[Policy], needed: Iterable[Statement]) -> Iterator[Grant]:
    """Yield what the policies do not allow of what is needed."""
    for statement in needed:
        for action in statement.actions:
            yield from ((action, each) for each in statement.resources if not allows(policies, action, each))


def named(grants: Sequence[Grant]) -> str:
    """Return the grants as part of a sentence: the first few actions, each with one of its resources."""
    first: dict[str, str] = {}
    for action, resource in grants:
        first.setdefault(action, resource)
    shown = ", ".join(f"{action} on {resource}" for action, resource in list(first.items())[:SHOWN])
    return shown + (f" and {len(first) - SHOWN} others" if len(first) > SHOWN else "")


def allows(policies: Iterable[Policy], action: str, resource: str) -> bool:
    """Tell whether the policies may allow an action on all of a resource."""
    spoken = [each for policy in policies for each in _statements(policy) if _covers(each, action, resource)]
    return any(each["Effect"] == "Allow" for each in spoken) and not any(
        each["Effect"] == "Deny" and not each.get("Condition") for each in spoken
    )


def allows_some(policies: Sequence[Policy], action: str, resource: str) -> bool:
    """Tell whether the policies may allow an action on a part of what a resource that ends in `*` stands for."""
    spoken = [each for policy in policies for statement in _statements(policy) for each in _list(statement, "Resource")]
    parts = [each for each in spoken if resource.endswith("*") and _matches(resource, each, cased=True)]
    return any(allows(policies, action, each) for each in parts)


def _statements(policy: Policy) -> Sequence[Policy]:
    statements = policy["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _covers(statement: Policy, action: str, resource: str) -> bool:
    return _fits(statement, "Action", action) and _fits(statement, "Resource", resource)


def _fits(statement: Policy, name: str, text: str) -> bool:
    """Tell whether a text is among the patterns of `name`, or not among those of its negation."""
    negation = f"Not{name}"
    several = [*_list(statement, name), *_list(statement, negation)]
    return any(_matches(each, text, cased=name == "Resource") for each in several) != (negation in statement)


def _list(statement: Policy, name: str) -> Sequence[str]:
    patterns = statement.get(name, ())
    return [patterns] if isinstance(patterns, str) else patterns


def _matches(pattern: str, text: str, *, cased: bool) -> bool:
    """Tell whether the text fits: `*` is any text, also one with stars, and `?` one character."""
    words = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(words, text, re.DOTALL if cased else re.DOTALL | re.IGNORECASE) is not None

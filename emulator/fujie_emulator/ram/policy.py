"""RAM policies as values: parsed once, asked often.

An explicit Deny wins over every Allow, and what no statement allows is denied.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fujie_emulator.core.iam import Decision
from fujie_emulator.ram.conditions import Condition, ConditionError, conditions_from_document
from fujie_emulator.ram.wildcards import fits

Kind = Literal["identity", "trust"]
_PRINCIPAL_KINDS = ("Service", "RAM", "Federated")
_FIELDS = {
    "identity": {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"},
    "trust": {"Sid", "Effect", "Action", "Principal", "Condition"},
}


class PolicyError(ValueError):
    """A policy document is malformed; the message says where and what would be right."""


@dataclass(frozen=True)
class Question:
    """May this be done? `principal` matters to trust policies only: {"Service": name} or {"RAM": arn}."""

    action: str
    resource: str = "*"
    principal: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """One checked statement. `actions` are lower case; `source` is what the document said."""

    allows: bool
    actions: tuple[str, ...]
    actions_negated: bool
    resources: tuple[str, ...]
    resources_negated: bool
    principals: Mapping[str, tuple[str, ...]]
    conditions: tuple[Condition, ...]
    source: Mapping[str, Any]

    def speaks_of(self, question: Question, kind: Kind) -> bool:
        """Tell whether this statement decides the question."""
        action = question.action.lower()
        if any(fits(pattern, action) for pattern in self.actions) == self.actions_negated:
            return False
        if kind == "trust":
            if not _principal_fits(self.principals, question.principal):
                return False
        elif any(fits(pattern, question.resource) for pattern in self.resources) == self.resources_negated:
            return False
        return all(condition.holds(question.context) for condition in self.conditions)


@dataclass(frozen=True)
class Policy:
    """A checked policy document of one kind."""

    kind: Kind
    statements: tuple[Statement, ...]


def judge(policies: Iterable[Policy], question: Question, policy_type: str = "") -> Decision:
    """Return the decision of all policies together, with the statement that made it."""
    speaking = [
        statement
        for policy in policies
        for statement in policy.statements
        if statement.speaks_of(question, policy.kind)
    ]
    deciding = next((statement for statement in speaking if not statement.allows), None) or next(iter(speaking), None)
    if deciding is None:
        return Decision(allowed=False, policy_type=policy_type)
    return Decision(allowed=deciding.allows, policy_type=policy_type, statement=deciding.source)


def policy_from_document(document: Any, kind: Kind) -> Policy:
    """Check a policy document; raise PolicyError."""
    if not isinstance(document, dict):
        raise PolicyError("A policy must be a JSON object.")
    if document.get("Version") != "1":
        raise PolicyError('Version must be "1".')
    if unknown := document.keys() - {"Version", "Statement"}:
        raise PolicyError(f"A policy has no {min(unknown)}.")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise PolicyError("Statement must be a list.")
    return Policy(kind, tuple(_statement(statement, kind) for statement in statements))


def _statement(source: Any, kind: Kind) -> Statement:
    if not isinstance(source, dict):
        raise PolicyError("A statement must be an object.")
    if unknown := source.keys() - _FIELDS[kind]:
        raise PolicyError(f"A statement of this kind of policy has no {min(unknown)}.")
    if source.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Effect must be Allow or Deny.")
    actions, actions_negated = _one_of(source, "Action", "NotAction", _check_action)
    resources, resources_negated = (
        _one_of(source, "Resource", "NotResource", _check_resource) if kind == "identity" else ((), False)
    )
    return Statement(
        allows=source["Effect"] == "Allow",
        actions=tuple(action.lower() for action in actions),
        actions_negated=actions_negated,
        resources=resources,
        resources_negated=resources_negated,
        principals=_principals(source.get("Principal")) if kind == "trust" else {},
        conditions=_conditions(source.get("Condition", {})),
        source=source,
    )


def _one_of(
    source: Mapping[str, Any], name: str, negation: str, check: Callable[[str], None]
) -> tuple[tuple[str, ...], bool]:
    if (name in source) == (negation in source):
        raise PolicyError(f"A statement needs {name} or {negation}, and not both.")
    chosen = name if name in source else negation
    texts = _texts(source[chosen], chosen)
    for text in texts:
        check(text)
    return texts, chosen == negation


def _check_action(action: str) -> None:
    if action != "*" and not all(action.partition(":")):
        raise PolicyError(f"The action {action!r} must be * or service:Action.")


def _check_resource(resource: str) -> None:
    if resource != "*" and not resource.startswith("acs:"):
        raise PolicyError(f"The resource {resource!r} must be * or acs:service:region:account:relative-id.")


def _principals(source: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(source, dict) or not source:
        raise PolicyError("Principal must name a Service, RAM or Federated principal.")
    if unknown := source.keys() - set(_PRINCIPAL_KINDS):
        raise PolicyError(f"Principal has no {min(unknown)}.")
    return {kind: _texts(names, "Principal") for kind, names in source.items()}


def _conditions(block: Any) -> tuple[Condition, ...]:
    try:
        return conditions_from_document(block)
    except ConditionError as error:
        raise PolicyError(str(error)) from error


def _texts(value: Any, name: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) and text for text in listed):
        raise PolicyError(f"{name} must be text or a list of texts, and not empty.")
    return tuple(listed)


def _principal_fits(trusted: Mapping[str, tuple[str, ...]], principal: Mapping[str, str]) -> bool:
    return any(
        name in trusted.get(kind, ()) for kind, presented in principal.items() for name in _names(kind, presented)
    )


def _names(kind: str, presented: str) -> list[str]:
    """Return every name under which a trust policy may list this principal.

    `acs:ram::123:root` lists the whole account; a session of a role also passes under the role's own ARN.
    """
    parts = presented.split(":")
    if kind != "RAM" or len(parts) != 5:
        return [presented]
    names = [presented, f"acs:ram::{parts[3]}:root"]
    sort, _, rest = parts[4].partition("/")
    if sort == "assumed-role":
        names.append(f"acs:ram::{parts[3]}:role/{rest.partition('/')[0]}")
    return names

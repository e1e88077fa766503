"""What a stack must create for its tools: providers and RAM statements, derived from their declarations. Pure data."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fujie.permission import OAuthFlow
from fujie.tools.declaration import STS, APIKey, Credential, OAuth, Tool
from fujie.tools.errors import ToolDeclarationError

Words = str | Mapping[str, str]
_ARGUMENT = re.compile(r"\{(?!bucket\})[^{}]*\}")


@dataclass(frozen=True)
class ProviderNeed:
    """A credential provider that the stack must have, with all the scopes that its tools ask for."""

    kind: Literal["api_key", "oauth"]
    name: str
    vendor: str = ""
    """`CredentialProviderVendor` of an OAuth provider; empty for an API key."""
    scopes: Mapping[str, Words] = field(default_factory=dict)
    issuer: str = ""
    display_name: str = ""
    flow: OAuthFlow = "USER_FEDERATION"
    """The provider's `OAuthType`."""


@dataclass(frozen=True)
class StatementNeed:
    """What the workload's role must be allowed at most; each call is narrowed to less.

    In a resource, `{bucket}` is left for the stack; what varies by call is `*`.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


def providers_needed(tools: Iterable[Tool]) -> tuple[ProviderNeed, ...]:
    """Return each provider once, by name.

    Raises ToolDeclarationError when two tools describe one provider differently.
    """
    needs: dict[str, ProviderNeed] = {}
    for tool in tools:
        need = _provider(tool.credential)
        if need is not None:
            known = needs.get(need.name)
            needs[need.name] = need if known is None else _merged(known, need, tool.name)
    return tuple(needs[name] for name in sorted(needs))


def statements_needed(tools: Iterable[Tool]) -> tuple[StatementNeed, ...]:
    """Return the statements of the workload's role, each once, in the order of the tools."""
    statements = (_statement(tool.credential) for tool in tools if isinstance(tool.credential, STS))
    return tuple(dict.fromkeys(statements))


def _provider(credential: Credential | None) -> ProviderNeed | None:
    if isinstance(credential, APIKey):
        return ProviderNeed("api_key", credential.provider)
    if isinstance(credential, OAuth):
        scopes = dict(sorted(credential.scopes.items()))
        return ProviderNeed(
            "oauth",
            credential.provider,
            credential.vendor,
            scopes,
            credential.issuer,
            credential.display_name,
            credential.flow,
        )
    return None


def _merged(known: ProviderNeed, need: ProviderNeed, tool: str) -> ProviderNeed:
    one, other = ((it.kind, it.vendor, it.flow) for it in (known, need))
    if one != other or _differ(known.issuer, need.issuer):
        raise ToolDeclarationError(
            f"tool {tool!r} describes provider {need.name!r} differently than another tool",
            repair="declare the credential once and share it",
        )
    scopes = dict(sorted({**known.scopes, **need.scopes}.items()))
    issuer, display_name = known.issuer or need.issuer, known.display_name or need.display_name
    return ProviderNeed(known.kind, known.name, known.vendor, scopes, issuer, display_name, known.flow)


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _statement(credential: STS) -> StatementNeed:
    return StatementNeed(tuple(credential.actions), _widest(credential.resources))


def _widest(resources: Sequence[str]) -> tuple[str, ...]:
    return tuple(_ARGUMENT.sub("*", resource) for resource in resources)

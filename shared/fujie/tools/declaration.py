"""A tool is declared once: its schema, its credential, its hosts and what it does to the world.

From the declaration come the model's schema, the MCP listing, credential injection, the consent card's words, the
provider and the RAM policy that the stack creates, and the STS session policy of each call.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from fujie.permission import OAuthFlow
from fujie.tools.sources import Source

Effect = Literal["read", "write"]


class APIKey(Struct, frozen=True):
    """An API key kept by Agent Identity under the provider's name; sent as `header: prefix + key`."""

    provider: str
    header: str = "Authorization"
    prefix: str = "Bearer "


class OAuth(Struct, frozen=True):
    """An OAuth access token for these scopes (name -> the user's words, by language or plain).

    Without more it is the user's own, who is asked. Nobody is asked for the workload's own token (`flow="M2M"`), which
    says nothing of the user, nor for one with which the workload acts in the user's name at the application `audience`
    (`flow="ON_BEHALF_OF"`).
    """

    provider: str
    scopes: Mapping[str, str | Mapping[str, str]]
    display_name: str = ""
    vendor: str = "CustomOAuth2"
    """`CredentialProviderVendor`: AliyunOAuth2, DingTalkOAuth2, CustomOAuth2 ..."""
    issuer: str = ""
    """Where the provider's discovery document is; the stack's configuration may name another (its emulated twin)."""
    flow: OAuthFlow = "USER_FEDERATION"
    audience: str = ""


class STS(Struct, frozen=True):
    """Temporary credentials of the workload identity's role, narrowed for each call.

    `actions` and `resources` are RAM's; in a resource, `{user}` is the verified user id, `{bucket}` the stack's bucket
    and any other `{name}` the tool's argument of that name. Values are checked before they enter the policy:
    none may hold a wildcard.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    provider: str = "sts"


Credential = APIKey | OAuth | STS


class Tool(Struct, frozen=True):
    """A declared tool. `function` is async and takes a ToolContext first, then the model's arguments by name."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments."""
    function: Callable[..., Awaitable[Any]]
    credential: Credential | None = None
    hosts: Sequence[str] = ()
    """The only hosts that its HTTP client reaches and that its credential is sent to."""
    effect: Effect = "read"
    reason: Mapping[str, str] = field(default_factory=dict)
    """Why it asks, in the user's words, by language; for the consent card."""
    timeout_s: float = 20.0
    on: Sequence[Source] = ()
    """What calls it beside a model."""


def tool(
    *,
    credential: Credential | None = None,
    hosts: Sequence[str] = (),
    effect: Effect = "read",
    name: str = "",
    reason: str | Mapping[str, str] = "",
    timeout_s: float = 20.0,
    on: Sequence[Source] = (),
) -> Callable[[Callable[..., Awaitable[Any]]], Tool]:
    """Declare a tool from an async function: its docstring describes it, its annotations give the schema.

    Raises ToolDeclarationError at import when the function cannot be one (not async, no docstring, no annotations,
    a credential without hosts, an event source that does not say all its arguments).
    """
    from fujie.tools.schema import declare

    def decorate(function: Callable[..., Awaitable[Any]]) -> Tool:
        words = {"en": reason} if isinstance(reason, str) and reason else reason or {}
        return declare(function, credential, hosts, effect, name, words, timeout_s, on)

    return decorate

"""Who is asking, on whose behalf, and with which credential.

What an agent in its developer's own process needs is here, imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fujie.identity.agent_identity import AgentIdentity as AgentIdentity
    from fujie.identity.agent_identity import StsToken as StsToken
    from fujie.identity.behalf import as_workload as as_workload
    from fujie.identity.behalf import on_behalf_of as on_behalf_of
    from fujie.identity.carrying import AccessTokenAuth as AccessTokenAuth
    from fujie.identity.carrying import ApiKeyAuth as ApiKeyAuth
    from fujie.identity.decorators import requires_access_token as requires_access_token
    from fujie.identity.decorators import requires_api_key as requires_api_key
    from fujie.identity.decorators import requires_sts_token as requires_sts_token
    from fujie.identity.decorators import requires_workload_access_token as requires_workload_access_token
    from fujie.identity.errors import AuthorizationRequired as AuthorizationRequired
    from fujie.identity.errors import OwnAuthorizationRequired as OwnAuthorizationRequired

_HOME = {
    "AccessTokenAuth": "carrying",
    "AgentIdentity": "agent_identity",
    "ApiKeyAuth": "carrying",
    "AuthorizationRequired": "errors",
    "OwnAuthorizationRequired": "errors",
    "StsToken": "agent_identity",
    "as_workload": "behalf",
    "on_behalf_of": "behalf",
    "requires_access_token": "decorators",
    "requires_api_key": "decorators",
    "requires_sts_token": "decorators",
    "requires_workload_access_token": "decorators",
}

__all__ = [
    "AccessTokenAuth",
    "AgentIdentity",
    "ApiKeyAuth",
    "AuthorizationRequired",
    "OwnAuthorizationRequired",
    "StsToken",
    "as_workload",
    "on_behalf_of",
    "requires_access_token",
    "requires_api_key",
    "requires_sts_token",
    "requires_workload_access_token",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fujie.identity' has no attribute {name!r}")
    return getattr(import_module(f"fujie.identity.{_HOME[name]}"), name)

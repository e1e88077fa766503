"""What each declared resource is made of: the one text for the ensure of `fujie dev` and for Pulumi.

What only the cloud can tell (an application's id) and secrets are handed in: texts here, outputs in a Pulumi program.
"""

from typing import Any

from infra.config import StackConfig
from infra.declaration import (
    APIKeyProvider,
    IdentityProvider,
    OAuth2Provider,
    OAuthApplication,
    TokenVault,
    WorkloadIdentity,
)

CUSTOM = "CustomOAuth2"


def oauth_application(application: OAuthApplication) -> dict[str, Any]:
    return {
        "name": application.name,
        "app_type": application.app_type,
        "redirect_uris": list(application.redirect_uris),
        "scopes": list(application.scopes),
    }


def identity_provider(config: StackConfig, provider: IdentityProvider, audience: Any) -> dict[str, Any]:
    return {
        "name": provider.name,
        "discovery_url": provider.discovery_url,
        "allowed_audience": [audience],
        "description": config.mark,
    }


def workload_identity(config: StackConfig, identity: WorkloadIdentity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "role_arn": config.role_arn(identity.role),
        "identity_provider": identity.identity_provider,
        "return_urls": list(identity.return_urls),
        "description": config.mark,
    }


def token_vault(config: StackConfig, vault: TokenVault) -> dict[str, Any]:
    return {"name": vault.name, "description": config.mark}


def api_key_provider(config: StackConfig, provider: APIKeyProvider, api_key: Any) -> dict[str, Any]:
    return {
        "name": provider.name,
        "token_vault": config.token_vault,
        "api_key": api_key,
        "description": config.mark,
    }


def oauth2_provider(config: StackConfig, provider: OAuth2Provider, client_id: Any, secret: Any) -> dict[str, Any]:
    discovery = f"{provider.issuer}/.well-known/oauth-authorization-server" if provider.vendor == CUSTOM else ""
    return {
        "name": provider.name,
        "token_vault": config.token_vault,
        "vendor": provider.vendor,
        "oauth_type": provider.flow,
        "callback_url": provider.callback_url,
        "discovery_url": discovery,
        "client_id": client_id,
        "client_secret": secret,
        "description": config.mark,
    }

"""What each declared resource is made of: the one text for the ensure of `fujie dev` and for Pulumi.

What only the cloud can tell (an application's id) and secrets are handed in: texts here, outputs in a Pulumi program.
"""

import json
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
from infra.events import KEPT_S, MOST_RECEIVED, Asynchronous, Queue, Trigger

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


def trigger(trigger: Trigger, source_arn: Any, role_arn: Any) -> dict[str, Any]:
    return {
        "trigger_name": trigger.name,
        "trigger_type": trigger.type,
        "trigger_config": json.dumps(trigger.config, ensure_ascii=False),
        "source_arn": source_arn,
        "invocation_role": role_arn,
    }


def queue(queue: Queue, dead_letters_arn: Any) -> dict[str, Any]:
    letters = {"enabled": True, "dead_letter_target_queue": dead_letters_arn, "max_receive_count": MOST_RECEIVED}
    return {
        "queue_name": queue.name,
        "message_retention_period": KEPT_S,
        "dlq_policy": letters if queue.dead_letters else None,
    }


def asynchronous(asynchronous: Asynchronous, messages: Any) -> dict[str, Any]:
    """Return how events of a function are tried, and where they end."""
    return {
        "max_async_retry_attempts": asynchronous.retries,
        "max_async_event_age_in_seconds": asynchronous.age_s,
        "async_task": asynchronous.tasks,
        "destination_config": {"on_failure": {"destination": messages}} if asynchronous.dead_letters else None,
    }


def messages_of(queue_arn: str) -> str:
    """Return what a destination names of a queue."""
    return f"{queue_arn}/messages"

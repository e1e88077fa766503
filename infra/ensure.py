"""Apply a declaration without an engine: make what is missing, bring what differs into line, delete nothing."""

from infra.declaration import Stack
from infra.properties import (
    api_key_provider,
    asynchronous,
    identity_provider,
    messages_of,
    oauth2_provider,
    oauth_application,
    queue,
    token_vault,
    trigger,
    workload_identity,
)
from infra.providers import events, ram
from infra.providers.clients import CloudClients
from infra.providers.credential_provider import API_KEY_PROVIDER, OAUTH2_PROVIDER
from infra.providers.identity_provider import IDENTITY_PROVIDER
from infra.providers.kind import ensure
from infra.providers.oauth_application import OAUTH_APPLICATION
from infra.providers.token_vault import TOKEN_VAULT
from infra.providers.workload_identity import WORKLOAD_IDENTITY
from infra.stack_secrets import StackSecrets

Applications = dict[str, str]
"""Names of OAuth applications with the ids that the cloud gave them."""


def ensure_entrance(stack: Stack, clients: CloudClients) -> Applications:
    """Make what functions need to start: the sign-in applications and every role. Safe to repeat."""
    applications = {
        app.name: str(ensure(clients, OAUTH_APPLICATION, oauth_application(app))["app_id"])
        for app in stack.applications
    }
    for role in stack.roles:
        ram.ensure_role(clients, role)
    return applications


def ensure_identity(stack: Stack, clients: CloudClients, secrets: StackSecrets, applications: Applications) -> None:
    """Make what functions use: identities, credential providers, buckets. Safe to repeat."""
    config = stack.config
    for idp in stack.identity_providers:
        ensure(clients, IDENTITY_PROVIDER, identity_provider(config, idp, applications[idp.application]))
    for identity in stack.workload_identities:
        ensure(clients, WORKLOAD_IDENTITY, workload_identity(config, identity))
    for vault in stack.token_vaults:
        ensure(clients, TOKEN_VAULT, token_vault(config, vault))
    for key_provider in stack.api_key_providers:
        secret = secrets.provider_secrets[key_provider.name].reveal()
        ensure(clients, API_KEY_PROVIDER, api_key_provider(config, key_provider, secret))
    for provider in stack.oauth2_providers:
        client_id = applications.get(provider.application, provider.client_id)
        secret = "" if provider.application else secrets.provider_secrets[provider.name].reveal()
        ensure(clients, OAUTH2_PROVIDER, oauth2_provider(config, provider, client_id, secret))
    for bucket in stack.buckets:
        _ensure_bucket(clients, bucket.name)


def ensure_events(stack: Stack, clients: CloudClients) -> None:
    """Make what calls tools beside requests, once functions run: queues, triggers, how events end. Safe to repeat."""
    config = stack.config
    for declared in stack.queues:
        events.ensure_queue(clients, queue(declared, config.queue_arn(declared.dead_letters)))
    for function in stack.functions:
        messages = messages_of(config.queue_arn(function.asynchronous.dead_letters))
        name = config.function_name(function.name)
        events.ensure_asynchronous(clients, name, asynchronous(function.asynchronous, messages))
    for declared_trigger in stack.triggers:
        source = config.bucket_arn(declared_trigger.bucket) if declared_trigger.bucket else None
        role = config.role_arn(declared_trigger.role) if declared_trigger.role else None
        events.ensure_trigger(clients, config.function_name("tool"), trigger(declared_trigger, source, role))


def _ensure_bucket(clients: CloudClients, name: str) -> None:
    import oss2

    if name not in (bucket.name for bucket in oss2.BucketIterator(clients.bucket_service, prefix=name)):
        clients.bucket(name).create_bucket(oss2.BUCKET_ACL_PRIVATE)

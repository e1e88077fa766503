"""Apply a declaration without an engine: make what is missing, bring what differs into line, delete nothing."""

from infra.declaration import OAuth2Provider, Stack
from infra.providers import credential_provider, identity_provider, oauth_application, ram, workload_identity
from infra.providers.clients import CloudClients
from infra.providers.credential_provider import OAuthClient
from infra.stack_secrets import StackSecrets

Applications = dict[str, str]
"""Names of OAuth applications with the ids that the cloud gave them."""


def ensure_entrance(stack: Stack, clients: CloudClients) -> Applications:
    """Make what functions need to start: the sign-in applications and every role. Safe to repeat."""
    applications = {app.name: oauth_application.ensure(clients, app).app_id for app in stack.applications}
    for role in stack.roles:
        ram.ensure_role(clients, role)
    return applications


def ensure_identity(stack: Stack, clients: CloudClients, secrets: StackSecrets, applications: Applications) -> None:
    """Make what functions use: identities, credential providers, buckets. Safe to repeat."""
    for idp in stack.identity_providers:
        identity_provider.ensure(clients, idp, applications[idp.application])
    for identity in stack.workload_identities:
        workload_identity.ensure(clients, identity, stack.config.role_arn(identity.role))
    for key_provider in stack.api_key_providers:
        credential_provider.ensure_api_key(clients, key_provider, secrets.provider_secrets[key_provider.name])
    for provider in stack.oauth2_providers:
        credential_provider.ensure_oauth2(clients, provider, _client(provider, applications, secrets))
    for bucket in stack.buckets:
        _ensure_bucket(clients, bucket.name)


def _client(provider: OAuth2Provider, applications: Applications, secrets: StackSecrets) -> OAuthClient:
    if provider.application:
        return OAuthClient(applications[provider.application])
    return OAuthClient(provider.client_id, secrets.provider_secrets[provider.name])


def _ensure_bucket(clients: CloudClients, name: str) -> None:
    import oss2

    if name not in (bucket.name for bucket in oss2.BucketIterator(clients.bucket_service, prefix=name)):
        clients.bucket(name).create_bucket(oss2.BUCKET_ACL_PRIVATE)

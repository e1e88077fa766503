"""The credential providers that tools declare, in a vault of the stack's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import OAuth2Provider, Stack
from infra.properties import api_key_provider, oauth2_provider, token_vault
from infra.providers.resources import APIKeyCredentialProvider, OAuth2CredentialProvider, TokenVault


@dataclass(frozen=True)
class CredentialsArgs:
    """The stack, its applications' ids, and the providers' secrets."""

    stack: Stack
    app_ids: Mapping[str, Output[str]]
    secrets: Mapping[str, Input[str]]
    """Provider -> API key or client secret."""
    protect: bool = False
    """Whether the tokens that people consented to outlive the stack."""


class Credentials(Part):
    """The vault and its providers."""

    def __init__(self, name: str, args: CredentialsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        config = args.stack.config
        kept = ResourceOptions(protect=args.protect, retain_on_delete=args.protect)
        vaults = [
            TokenVault(vault.name, token_vault(config, vault), ResourceOptions.merge(self.inside(), kept))
            for vault in args.stack.token_vaults
        ]
        here = ResourceOptions.merge(self.inside(), ResourceOptions.merge(kept, ResourceOptions(depends_on=vaults)))
        for key in args.stack.api_key_providers:
            api_key = Output.secret(args.secrets[key.name])
            APIKeyCredentialProvider(key.name, api_key_provider(config, key, api_key), here)
        for provider in args.stack.oauth2_providers:
            client_id, secret = _client(provider, args)
            OAuth2CredentialProvider(provider.name, oauth2_provider(config, provider, client_id, secret), here)
        self.register_outputs({})


def _client(provider: OAuth2Provider, args: CredentialsArgs) -> tuple[Input[str], Input[str]]:
    """Return client id and secret; an application of our own is a public client (PKCE) and has none."""
    if provider.application:
        return args.app_ids[provider.application], ""
    return provider.client_id, Output.secret(args.secrets[provider.name])

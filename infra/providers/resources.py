"""The resources of Alibaba Cloud that no published Pulumi provider has. Their type tokens are public promises."""

from collections.abc import Mapping
from typing import Any

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import Resource

from infra.providers.dynamic import KINDS, CloudResourceProvider


class CloudResource(Resource):
    """A resource of the kind that its class is named for; `properties` come from `infra.properties`."""

    name: Output[str]

    def __init__(self, name: str, properties: Mapping[str, Input[Any]], opts: ResourceOptions | None = None) -> None:
        kind = KINDS[type(self).__name__]
        hidden = ResourceOptions(additional_secret_outputs=sorted(kind.unread))
        props = {**properties, **dict.fromkeys(kind.outputs)}
        super().__init__(CloudResourceProvider(kind.name), name, props, ResourceOptions.merge(opts, hidden))


class WorkloadIdentity(CloudResource, module="fujie", name="WorkloadIdentity"):
    """The agent's own identity."""

    arn: Output[str]


class IdentityProvider(CloudResource, module="fujie", name="IdentityProvider"):
    """Whose tokens name a user."""

    arn: Output[str]


class OAuth2CredentialProvider(CloudResource, module="fujie", name="OAuth2CredentialProvider"):
    """An OAuth client in a token vault, for tokens on a user's behalf."""

    arn: Output[str]


class APIKeyCredentialProvider(CloudResource, module="fujie", name="APIKeyCredentialProvider"):
    """An API key in a token vault."""

    arn: Output[str]


class TokenVault(CloudResource, module="fujie", name="TokenVault"):
    """What keeps credential providers, and the tokens they obtained."""

    arn: Output[str]


class OAuthApplication(CloudResource, module="fujie", name="OAuthApplication"):
    """An application of Alibaba Cloud sign-in; `app_id` is its OAuth client id and the audience of its id_tokens."""

    app_id: Output[str]

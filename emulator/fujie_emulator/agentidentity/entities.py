"""The four kinds of entity the control plane keeps: their names on the wire, ARNs and limits."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fujie_emulator.core.errors import invalid_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

DEFAULT_VAULT = "default"
# The real rule is not published; this is the strictest one that every name in the official samples passes.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Entity:
    """One kind: `type` names it in error codes and answers, `arn_path` what follows region and account in its ARN.

    What is kept `in_vault` has a name of its own in each token vault, and its ARN begins with the vault's.
    """

    type: str
    plural: str
    arn_path: str
    arn_field: str
    limit: int
    in_vault: bool = False

    @property
    def name_field(self) -> str:
        return f"{self.type}Name"

    def checked_name(self, name: str) -> str:
        """Return the name when it is well-formed; else raise InvalidParameter."""
        if not _NAME.fullmatch(name):
            raise invalid_parameter(
                self.name_field, "use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit."
            )
        return name

    def key(self, name: str, vault: str = DEFAULT_VAULT) -> str:
        """Return the store's key; names hold no slash, so a vault's name before one cannot be mistaken."""
        return name if not self.in_vault or vault == DEFAULT_VAULT else f"{vault}/{name}"

    def arn(self, cloud: "Cloud", name: str, vault: str = DEFAULT_VAULT) -> str:
        """Return the ARN of the entity of that name; `*` gives the pattern for all of them."""
        path = f"{TOKEN_VAULT.arn_path}/{vault}/{self.arn_path}" if self.in_vault else self.arn_path
        return f"acs:agentidentity:{cloud.region}:{cloud.account_id}:{path}/{name}"


WORKLOAD_IDENTITY = Entity(
    "WorkloadIdentity",
    "WorkloadIdentities",
    "workloadidentitydirectory/default/workloadidentity",
    "WorkloadIdentityArn",
    1000,
)
IDENTITY_PROVIDER = Entity("IdentityProvider", "IdentityProviders", "identityprovider", "IdentityProviderArn", 1000)
OAUTH2_PROVIDER = Entity(
    "OAuth2CredentialProvider",
    "OAuth2CredentialProviders",
    "oauth2credentialprovider",
    "CredentialProviderArn",
    50,
    in_vault=True,
)
API_KEY_PROVIDER = Entity(
    "APIKeyCredentialProvider",
    "APIKeyCredentialProviders",
    "apikeycredentialprovider",
    "CredentialProviderArn",
    50,
    in_vault=True,
)
# The cloud's limit is not published.
TOKEN_VAULT = Entity("TokenVault", "TokenVaults", "tokenvault", "TokenVaultArn", 50)

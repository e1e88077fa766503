"""Token vaults: the `default` one, which every account has, and those that were made beside it.

A vault that names a KMS key keeps the name; nothing here is encrypted with it.
"""

import re
from typing import TYPE_CHECKING, Any

from fujie_emulator.agentidentity import state
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER, DEFAULT_VAULT, OAUTH2_PROVIDER, TOKEN_VAULT
from fujie_emulator.agentidentity.errors import default_vault_stays, vault_in_use
from fujie_emulator.core.errors import invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE_KEY, CUSTOMER_KEY = "SERVICE_MANAGED_KEY", "CUSTOMER_MANAGED_KEY"
_KMS_ARN = re.compile(r"acs:kms:[A-Za-z0-9:/_.-]{1,200}")


def open_default(cloud: "Cloud") -> None:
    """Make sure that the default vault is there, as from an account's first day."""
    if cloud.store.get(state.SERVICE, TOKEN_VAULT.type, DEFAULT_VAULT) is None:
        fields = {"Description": "", "EncryptionConfig": {"KeyType": SERVICE_KEY}, "RoleArn": ""}
        with cloud.store.transaction():
            state.create(cloud, TOKEN_VAULT, DEFAULT_VAULT, fields)


def delete(cloud: "Cloud", name: str) -> None:
    """Forget an empty vault; the default one stays."""
    if name == DEFAULT_VAULT:
        raise default_vault_stays()
    with cloud.store.transaction():
        state.get(cloud, TOKEN_VAULT, name)
        if any(state.in_vault(cloud, entity, name) for entity in (OAUTH2_PROVIDER, API_KEY_PROVIDER)):
            raise vault_in_use(name)
        state.delete(cloud, TOKEN_VAULT, name)


def checked_encryption(config: dict[str, Any]) -> dict[str, Any]:
    """Return the encryption of a vault; {} is the service's own key."""
    kind, key = config.get("KeyType", SERVICE_KEY), config.get("KmsKeyArn")
    if kind not in (SERVICE_KEY, CUSTOMER_KEY) or not set(config) <= {"KeyType", "KmsKeyArn"}:
        raise invalid_parameter("EncryptionConfig", f"KeyType is {SERVICE_KEY} or {CUSTOMER_KEY}.")
    if kind == SERVICE_KEY:
        if key:
            raise invalid_parameter("EncryptionConfig", f"KmsKeyArn goes with {CUSTOMER_KEY} only.")
        return {"KeyType": SERVICE_KEY}
    if not key:
        raise missing_parameter("EncryptionConfig.KmsKeyArn")
    if not isinstance(key, str) or not _KMS_ARN.fullmatch(key):
        raise invalid_parameter("EncryptionConfig", "KmsKeyArn must be an ARN acs:kms:...")
    return {"KeyType": CUSTOMER_KEY, "KmsKeyArn": key}

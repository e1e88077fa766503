"""How the control plane says no; conflict and not-found codes as its official samples catch them.

EntityAlreadyExists.{Entity}   409
EntityNotExists.{Entity}       404 (plural Exists, unlike IMS)
QuotaExceeded.{Entity}         400, the emulator's own code for a documented limit
WorkloadIdentityPlatformMismatch  400, the platform that made the identity keeps it (status inferred)
DeleteConflict.TokenVault      409, the emulator's own: providers are still in the vault
Forbidden.DefaultTokenVault    403, the emulator's own: that vault cannot be deleted
UnsupportedOperation           400, the emulator's own refusal, naming what it does not do
"""

from fujie_emulator.core.errors import CloudError


def already_exists(entity: str, name: str) -> CloudError:
    """A create met an entity of the same name."""
    return CloudError(f"EntityAlreadyExists.{entity}", 409, f"The {entity} {name} already exists.")


def not_exists(entity: str, name: str) -> CloudError:
    """The named entity is not in this account."""
    return CloudError(f"EntityNotExists.{entity}", 404, f"The {entity} {name} does not exist.")


def quota_exceeded(entity: str, limit: int) -> CloudError:
    """The account holds as many as the cloud allows."""
    return CloudError(f"QuotaExceeded.{entity}", 400, f"An account may hold {limit} of {entity}.")


def platform_mismatch(platform: str) -> CloudError:
    """The identity belongs to the platform that created it."""
    return CloudError("WorkloadIdentityPlatformMismatch", 400, f"The workload identity is kept by {platform}.")


def vault_in_use(name: str) -> CloudError:
    """A vault that still holds providers was to be deleted."""
    return CloudError("DeleteConflict.TokenVault", 409, f"Credential providers are still in the token vault {name}.")


def default_vault_stays() -> CloudError:
    """The default vault was to be deleted."""
    return CloudError("Forbidden.DefaultTokenVault", 403, "The default token vault cannot be deleted.")


def unsupported(what: str) -> CloudError:
    """The emulator does not do this; it says so instead of pretending."""
    return CloudError("UnsupportedOperation", 400, f"The emulator does not support {what}.")

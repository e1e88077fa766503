"""How IMS says no.

EntityNotExist.Application, EntityNotExist.AppSecret          404 (singular Exist, unlike agentidentity)
EntityNotExist.OIDCProvider                                   404
EntityAlreadyExists.Application, .OIDCProvider                409
LimitExceeded.Application, .Application.AppSecret, .OIDCProvider  409
The emulator's own: ...OIDCProvider.ClientId and ...OIDCProvider.Fingerprint for a provider's parts.
"""

from fujie_emulator.core.errors import CloudError


def not_exist(entity: str, name: str) -> CloudError:
    """The entity is not in this account."""
    return CloudError(f"EntityNotExist.{entity}", 404, f"The {entity} does not exist: {name[:64]}.")


def already_exists(entity: str, name: str) -> CloudError:
    """An entity of that name is there."""
    return CloudError(f"EntityAlreadyExists.{entity}", 409, f"The {entity} already exists: {name[:128]}.")


def limit_exceeded(entity: str, limit: int) -> CloudError:
    """The account or application holds as many as it may."""
    return CloudError(f"LimitExceeded.{entity}", 409, f"The limit of {limit} is reached for {entity}.")

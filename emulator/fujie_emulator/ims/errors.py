"""How IMS says no.

EntityNotExist.Application, EntityNotExist.AppSecret          404 (singular Exist, unlike agentidentity)
EntityAlreadyExists.Application                               409
LimitExceeded.Application, LimitExceeded.Application.AppSecret  409
"""

from fujie_emulator.core.errors import CloudError


def not_exist(entity: str, name: str) -> CloudError:
    """The entity is not in this account."""
    return CloudError(f"EntityNotExist.{entity}", 404, f"The {entity} does not exist: {name[:64]}.")


def already_exists(name: str) -> CloudError:
    """An application of that name is there."""
    return CloudError("EntityAlreadyExists.Application", 409, f"The application already exists: {name}.")


def limit_exceeded(entity: str, limit: int) -> CloudError:
    """The account or application holds as many as it may."""
    return CloudError(f"LimitExceeded.{entity}", 409, f"The limit of {limit} is reached for {entity}.")

"""How the control plane says no; conflict and not-found codes as its official samples catch them.

EntityAlreadyExists.{Entity}   409
EntityNotExists.{Entity}       404 (plural Exists, unlike IMS)
QuotaExceeded.{Entity}         400, the emulator's own code for a documented limit
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


def unsupported(what: str) -> CloudError:
    """The emulator does not do this; it says so instead of pretending."""
    return CloudError("UnsupportedOperation", 400, f"The emulator does not support {what}.")

"""RAM's refusals in RAM's words."""

from fujie_emulator.core.errors import CloudError

_WORDS = {"Role": "role", "Policy": "policy", "User": "user", "Policy.Version": "policy version"}


def not_exist(kind: str, name: str) -> CloudError:
    """EntityNotExist.{kind} 404."""
    return CloudError(f"EntityNotExist.{kind}", 404, f"The {_WORDS[kind]} does not exist: {name[:128]}.")


def already_exists(kind: str, name: str) -> CloudError:
    """EntityAlreadyExists.{kind} 409."""
    return CloudError(f"EntityAlreadyExists.{kind}", 409, f"The {_WORDS.get(kind, kind)} already exists: {name}.")


def already_attached(role_name: str, policy_name: str) -> CloudError:
    """EntityAlreadyExists.Role.Policy 409."""
    return CloudError(
        "EntityAlreadyExists.Role.Policy", 409, f"The policy {policy_name} is already attached to the role {role_name}."
    )


def not_attached(role_name: str, policy_name: str) -> CloudError:
    """EntityNotExist.Role.Policy 404."""
    return CloudError(
        "EntityNotExist.Role.Policy", 404, f"The policy {policy_name[:128]} is not attached to the role {role_name}."
    )


def delete_conflict(kind: str, message: str) -> CloudError:
    """DeleteConflict.{kind} 409."""
    return CloudError(f"DeleteConflict.{kind}", 409, message)


def malformed_policy(message: str) -> CloudError:
    """MalformedPolicyDocument 400."""
    return CloudError("MalformedPolicyDocument", 400, message)


def limit_exceeded(kind: str, message: str) -> CloudError:
    """LimitExceeded.{kind} 409."""
    return CloudError(f"LimitExceeded.{kind}", 409, message)

"""RAM's refusals in RAM's words."""

from fujie_emulator.core.errors import CloudError

_WORDS = {
    "Role": "role",
    "Policy": "policy",
    "User": "user",
    "Policy.Version": "policy version",
    "User.AccessKey": "access key",
}


def not_exist(kind: str, name: str) -> CloudError:
    """EntityNotExist.{kind} 404."""
    return CloudError(f"EntityNotExist.{kind}", 404, f"The {_WORDS[kind]} does not exist: {name[:128]}.")


def already_exists(kind: str, name: str) -> CloudError:
    """EntityAlreadyExists.{kind} 409."""
    return CloudError(f"EntityAlreadyExists.{kind}", 409, f"The {_WORDS.get(kind, kind)} already exists: {name}.")


def already_attached(kind: str, name: str, policy_name: str) -> CloudError:
    """EntityAlreadyExists.{Role or User}.Policy 409."""
    words = f"The policy {policy_name} is already attached to the {_WORDS[kind]} {name}."
    return CloudError(f"EntityAlreadyExists.{kind}.Policy", 409, words)


def not_attached(kind: str, name: str, policy_name: str) -> CloudError:
    """EntityNotExist.{Role or User}.Policy 404."""
    words = f"The policy {policy_name[:128]} is not attached to the {_WORDS[kind]} {name}."
    return CloudError(f"EntityNotExist.{kind}.Policy", 404, words)


def signs_in(name: str) -> CloudError:
    """UnsupportedOperation 400: the two people of the sign-in page stay who they are."""
    words = f"The emulator neither renames nor deletes {name}: the sign-in page offers this user."
    return CloudError("UnsupportedOperation", 400, words)


def delete_conflict(kind: str, message: str) -> CloudError:
    """DeleteConflict.{kind} 409."""
    return CloudError(f"DeleteConflict.{kind}", 409, message)


def malformed_policy(message: str) -> CloudError:
    """MalformedPolicyDocument 400."""
    return CloudError("MalformedPolicyDocument", 400, message)


def limit_exceeded(kind: str, message: str) -> CloudError:
    """LimitExceeded.{kind} 409."""
    return CloudError(f"LimitExceeded.{kind}", 409, message)

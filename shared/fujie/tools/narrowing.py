"""The session policy of one STS call: the declaration's resources with this user and these arguments in them.

A value that enters a policy could reach more than was asked for, so each is checked first: no wildcard, no policy
variable, no way up or around in a path, no control character, not empty.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fujie.tools.declaration import STS
from fujie.tools.errors import ArgumentsInvalidError, ScopeWideningError, ToolMisconfiguredError

POLICY_VERSION = "1"
MAX_POLICY_CHARS = 2048
"""STS refuses a longer session policy."""
MAX_VALUE_BYTES = 1023
"""OSS takes no longer object name."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_FORBIDDEN = frozenset("*?${}\\")


@dataclass(frozen=True)
class Scope:
    """For whom and where: what a policy may hold beside the call's arguments."""

    user_id: str
    bucket: str


def session_policy(credential: STS, scope: Scope, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the session policy of one call; raises ScopeWideningError for a value that may not enter it."""
    resources = [_filled(resource, scope, arguments) for resource in credential.resources]
    statement = {"Effect": "Allow", "Action": list(credential.actions), "Resource": resources}
    policy = {"Version": POLICY_VERSION, "Statement": [statement]}
    if len(json.dumps(policy)) > MAX_POLICY_CHARS:
        raise ArgumentsInvalidError(f"the arguments make a session policy of more than {MAX_POLICY_CHARS} characters")
    return policy


def checked_value(name: str, value: object) -> str:
    """Return the value as it enters a policy or an object's key; raises ScopeWideningError."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not text.strip():
        raise ScopeWideningError(f"{name} must not be empty")
    if any(character in _FORBIDDEN or unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise ScopeWideningError(f"{name} must not hold any of * ? $ {{ }} \\ or control characters")
    if any(part in {"", ".", ".."} for part in text.split("/")):
        raise ScopeWideningError(f"{name} must be a plain name or path: no '..', '.', '//', or '/' at an end")
    if len(text.encode()) > MAX_VALUE_BYTES:
        raise ScopeWideningError(f"{name} is longer than {MAX_VALUE_BYTES} bytes")
    return text


def _filled(resource: str, scope: Scope, arguments: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "user":
            return _single("the user's id", scope.user_id)
        if name == "bucket":
            return _bucket(scope.bucket)
        return checked_value(name, arguments.get(name))

    return _PLACEHOLDER.sub(value, resource)


def _bucket(bucket: str) -> str:
    if not bucket:
        raise ToolMisconfiguredError("the stack has no bucket", repair="set FUJIE_OSS_BUCKET")
    return _single("the bucket", bucket)


def _single(name: str, value: str) -> str:
    if "/" in value:
        raise ScopeWideningError(f"{name} must not hold '/'")
    return checked_value(name, value)

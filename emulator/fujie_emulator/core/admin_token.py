"""The secret that tells this machine's operator from its other users."""

import os
import secrets
from pathlib import Path

from fujie_emulator.core.errors import EmulatorError

HEADER = "x-fujie-admin"
FILE = "admin-token"
_SHORTEST = 32


def kept_token(state: Path) -> str:
    """Return the token of this state directory, made the first time; only this user can read its file."""
    path = state / FILE
    try:
        found = path.read_text().strip() if path.exists() else ""
        if len(found) >= _SHORTEST:
            path.chmod(0o600)
            return found
        token = secrets.token_urlsafe(32)
        unfinished = path.with_name(f".{FILE}.{os.getpid()}")
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(token + "\n")
        unfinished.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise EmulatorError(f"The file {path} cannot be used: {error}.") from error
    return token

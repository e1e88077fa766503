"""The secrets that a stack makes for itself: signing and sealing keys, the provider clients' secrets.

On a laptop they live in one file that only its owner may read; elsewhere they are the stack's Pulumi secrets.
"""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fujie.errors import SettingsError
from fujie.identity.keys import new_sealing_key, new_signing_key
from fujie.secret import Secret

MINTERS = ("chat", "process", "callback")


@dataclass(frozen=True)
class KeyPair:
    """A private JWK and its public half."""

    private: Secret
    public: str


@dataclass(frozen=True)
class StackSecrets:
    """All of them; `provider_secrets` maps a credential provider to its API key or client secret."""

    signing: dict[str, KeyPair]
    sealing: KeyPair
    provider_secrets: dict[str, Secret]
    ledger: Secret
    """With which `tool` seals the ledger; whoever verifies it needs it too."""
    card: KeyPair
    """With which `process` signs the agent card."""


def load_or_create(path: Path, providers: Iterable[str]) -> StackSecrets:
    """Return the secrets kept at `path`; what is missing is made and written before it is returned.

    Raises SettingsError when the file is there but cannot be read as what we wrote.
    """
    kept = _read(path)
    known = dict(kept)
    for minter in MINTERS:
        kept.setdefault(f"signing/{minter}", _pair(new_signing_key()))
    kept.setdefault("sealing", _pair(new_sealing_key()))
    kept.setdefault("card", _pair(new_signing_key()))
    kept.setdefault("ledger", secrets.token_urlsafe(32))
    for provider in providers:
        kept.setdefault(f"provider/{provider}", secrets.token_urlsafe(24))
    if kept != known:
        _write(path, kept)
    return _secrets_from(path, kept)


def secrets_from_texts(kept: Mapping[str, Any]) -> StackSecrets:
    """Return the secrets of their texts; a missing one raises KeyError."""
    return StackSecrets(
        {minter: _key_pair(kept[f"signing/{minter}"]) for minter in MINTERS},
        _key_pair(kept["sealing"]),
        {name.removeprefix("provider/"): Secret(kept[name]) for name in kept if name.startswith("provider/")},
        Secret(kept["ledger"]),
        _key_pair(kept["card"]),
    )


def _secrets_from(path: Path, kept: dict[str, Any]) -> StackSecrets:
    try:
        return secrets_from_texts(kept)
    except (KeyError, TypeError) as error:
        raise _damaged(path) from error


def _pair(keys: tuple[Secret, str]) -> dict[str, str]:
    private, public = keys
    return {"private": private.reveal(), "public": public}


def _key_pair(kept: dict[str, str]) -> KeyPair:
    return KeyPair(Secret(kept["private"]), kept["public"])


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(kept, dict):
        raise _damaged(path)
    return kept


def _damaged(path: Path) -> SettingsError:
    return SettingsError(f"{path} is damaged", repair="start again with `fujie dev --reset`, which forgets the state")


def _write(path: Path, kept: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

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
from fujie.identity.keys import new_sealing_key, new_signing_key, new_wrapping_key
from fujie.secret import Secret

MINTERS = ("chat", "process", "callback")
_SIGNING = tuple(f"signing/{minter}" for minter in MINTERS)


@dataclass(frozen=True)
class KeyPair:
    """A private JWK and its public half; after a rotation each is a set with the newest first."""

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
    shared_cache: Secret
    """A JWK, or after a rotation a set with the newest first: wraps the credentials that `tool`'s instances share."""


def load_or_create(path: Path, providers: Iterable[str]) -> StackSecrets:
    """Return the secrets kept at `path`; what is missing is made and written before it is returned.

    Raises SettingsError when the file is there but cannot be read as what we wrote.
    """
    kept = read_kept(path)
    known = dict(kept)
    for name in _SIGNING:
        kept.setdefault(name, _pair(new_signing_key()))
    kept.setdefault("sealing", _pair(new_sealing_key()))
    kept.setdefault("card", _pair(new_signing_key()))
    kept.setdefault("ledger", secrets.token_urlsafe(32))
    kept.setdefault("shared-cache", new_wrapping_key().reveal())
    for provider in providers:
        kept.setdefault(f"provider/{provider}", secrets.token_urlsafe(24))
    if kept != known:
        write_kept(path, kept)
    return _secrets_from(path, kept)


def secrets_from_texts(kept: Mapping[str, Any]) -> StackSecrets:
    """Return the secrets of their texts; a missing one raises KeyError."""
    return StackSecrets(
        {minter: _key_pair(kept[f"signing/{minter}"]) for minter in MINTERS},
        _key_pair(kept["sealing"]),
        {name.removeprefix("provider/"): Secret(kept[name]) for name in kept if name.startswith("provider/")},
        Secret(kept["ledger"]),
        _key_pair(kept["card"]),
        Secret(kept["shared-cache"]),
    )


def joined(newest: Mapping[str, str], older: Mapping[str, str]) -> dict[str, str]:
    """Return a key pair whose halves are JWK sets: the newest key makes, both open and verify."""
    return {half: joined_key(newest[half], older[half]) for half in ("private", "public")}


def joined_key(newest: str, older: str) -> str:
    """Return a JWK set of two keys."""
    return json.dumps({"keys": [_newest(newest), _newest(older)]})


def rotate_pairs(path: Path, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was kept at `path` with a new key in front of each pair; of those behind it, the newest stays.

    Raises SettingsError when it is not what we wrote.
    """
    try:
        signing = {name: joined(_pair(new_signing_key()), kept[name]) for name in (*_SIGNING, "card")}
        sealing = joined(_pair(new_sealing_key()), kept["sealing"])
        cache = joined_key(new_wrapping_key().reveal(), kept["shared-cache"])
        return {**kept, **signing, "sealing": sealing, "shared-cache": cache}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _damaged(path) from error


def _newest(text: str) -> Any:
    """Return the key of a JWK, or the first of a set."""
    found = json.loads(text)
    return found["keys"][0] if "keys" in found else found


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


def read_kept(path: Path) -> dict[str, Any]:
    """Return what is kept at `path`, nothing when it is not there; raises SettingsError when it is not ours."""
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


def write_kept(path: Path, kept: Mapping[str, Any]) -> None:
    """Write the secrets, whole or not at all, for their owner alone to read."""
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

"""Envelopes: a text under a data key of its own (AES-256-GCM), which is wrapped by a key that is kept elsewhere.

What is inside opens only under exactly the words that it was sealed with (the associated data), by whoever can have the
data key unwrapped for them.
"""

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fujie.identity.errors import IdentityMisconfiguredError
from fujie.secret import Secret

KEY_BYTES, NONCE_BYTES = 32, 12
MAX_SEALED = 64 * 1024
VERSION = 1


class KeyWrapper(Protocol):
    """Wraps data keys. `context` is no secret: what was wrapped with it is unwrapped with it alone."""

    async def wrap(self, data_key: bytes, context: str) -> str:
        """Return the wrapped key; raises an IdentityError where that cannot be done now."""

    async def unwrap(self, wrapped: str, context: str) -> bytes | None:
        """Return the data key, or None where this does not unwrap; raises an IdentityError on an outage."""


@dataclass(frozen=True)
class WrappingKey:
    """An AES key of 256 bits with its name."""

    kid: str
    key: bytes = field(repr=False)


class HeldKeys:
    """Wraps with the first of some keys that this process holds, and unwraps with any: so they rotate."""

    def __init__(self, keys: Sequence[WrappingKey]) -> None:
        self._first = keys[0]
        self._keys = {key.kid: key.key for key in keys}

    async def wrap(self, data_key: bytes, context: str) -> str:
        """Return `KID:...`."""
        wrapped = _encrypted(self._first.key, data_key, context.encode())
        return f"{self._first.kid}:{wrapped}"

    async def unwrap(self, wrapped: str, context: str) -> bytes | None:
        kid, _, text = wrapped.rpartition(":")
        key = self._keys.get(kid)
        return None if key is None else _decrypted(key, text, context.encode())


async def seal(wrapper: KeyWrapper, text: Secret, words: Mapping[str, object]) -> str:
    """Return the envelope of a text, bound to the words."""
    bound = _canonical(words)
    data_key = os.urandom(KEY_BYTES)
    wrapped = await wrapper.wrap(data_key, digest(words))
    return json.dumps({"v": VERSION, "key": wrapped, "data": _encrypted(data_key, text.reveal().encode(), bound)})


async def unseal(wrapper: KeyWrapper, sealed: str, words: Mapping[str, object]) -> Secret | None:
    """Return the text, or None where the envelope is broken, or bound to other words, or wrapped by another key.

    Raises an IdentityError when the wrapper has an outage.
    """
    wrapped, data = _parts(sealed)
    data_key = await wrapper.unwrap(wrapped, digest(words)) if wrapped else None
    if data_key is None or len(data_key) != KEY_BYTES:
        return None
    text = _decrypted(data_key, data, _canonical(words))
    return None if text is None else Secret(text.decode())


def digest(words: Mapping[str, object]) -> str:
    """Return the words' SHA-256 as hex digits: their name where they themselves have no place."""
    return hashlib.sha256(_canonical(words)).hexdigest()


def wrapping_keys(jwk: Secret, *, setting: str) -> Sequence[WrappingKey]:
    """Return the keys of a JWK (`oct`, 256 bits) or a JWK set, the one to wrap with first.

    Raises IdentityMisconfiguredError, naming `setting` and nothing of the key. Read without joserfc, which a start need
    not wait for.
    """
    try:
        data = json.loads(jwk.reveal())
        keys = [_wrapping_key(item) for item in data.get("keys", [data])]
        usable = bool(keys) and all(len(key.key) == KEY_BYTES for key in keys)
        usable = usable and len({key.kid for key in keys}) == len(keys)
    except (KeyError, ValueError, TypeError, AttributeError):
        usable = False
    if not usable:
        repair = 'generate one: python -c "from fujie.identity.keys import *; print(new_wrapping_key().reveal())"'
        raise IdentityMisconfiguredError(f"{setting} is not a JWK of 256 bits", repair=repair) from None
    return keys


def _wrapping_key(jwk: Mapping[str, Any]) -> WrappingKey:
    """Return the key of a symmetric JWK (RFC 7518 6.4)."""
    text = jwk["k"] if jwk["kty"] == "oct" else ""
    return WrappingKey(str(jwk.get("kid") or ""), b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))


def _canonical(words: Mapping[str, object]) -> bytes:
    return json.dumps({"v": VERSION} | dict(words), sort_keys=True, separators=(",", ":")).encode()


def _encrypted(key: bytes, data: bytes, bound: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, data, bound)).decode()


def _decrypted(key: bytes, text: str, bound: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        data = b64decode(text, validate=True)
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        return None


def _parts(sealed: str) -> tuple[str, str]:
    try:
        data = json.loads(sealed) if len(sealed) <= MAX_SEALED else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("v") != VERSION:
        return "", ""
    wrapped, text = data.get("key"), data.get("data")
    return (wrapped, text) if isinstance(wrapped, str) and isinstance(text, str) else ("", "")

"""The keys that sign id_tokens: RS256, told apart by kid, kept, and rotated on demand."""

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "signin"
ALGORITHM = "RS256"
_KEPT = 2  # the present key and the one before it, whose tokens still have up to an hour


class Signer(Protocol):
    """Whoever signs with keys of his own in a cloud; `kind` sets them apart in its store."""

    @property
    def cloud(self) -> "Cloud": ...

    def kind(self, name: str) -> str: ...


def sign(signer: Signer, claims: dict[str, Any]) -> str:
    """Return a JWT of `claims` under the present key."""
    jwk = _keys(signer)[-1]
    return jwt.encode({"alg": ALGORITHM, "kid": jwk["kid"]}, claims, RSAKey.import_key(jwk), [ALGORITHM])


def public_keys(signer: Signer) -> list[dict[str, Any]]:
    """Return the public halves as the key endpoint publishes them."""
    published = [RSAKey.import_key(jwk).as_dict(private=False) for jwk in _keys(signer)]
    return [dict(jwk) | {"use": "sig", "alg": ALGORITHM} for jwk in published]


def rotate(signer: Signer) -> str:
    """Sign with a new key from now on and return its kid; the previous one stays published."""
    new = _new_key()
    with signer.cloud.store.transaction():
        _put(signer, [*_keys(signer), new][-_KEPT:])
    return str(new["kid"])


def _keys(signer: Signer) -> list[dict[str, Any]]:
    doc = signer.cloud.store.get(SERVICE, signer.kind("keys"), "signing")
    if doc is not None:
        return list(doc["keys"])
    new = [_new_key()]
    with signer.cloud.store.transaction():
        doc = signer.cloud.store.get(SERVICE, signer.kind("keys"), "signing")
        if doc is None:
            _put(signer, new)
    return list(doc["keys"]) if doc else new


def _put(signer: Signer, jwks: list[dict[str, Any]]) -> None:
    signer.cloud.store.put(SERVICE, signer.kind("keys"), "signing", {"keys": jwks})


def _new_key() -> dict[str, Any]:
    key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8)})
    return dict(key.as_dict(private=True))

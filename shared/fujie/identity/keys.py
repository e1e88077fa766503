"""The key pairs of a stack: one per function that mints tokens, one to which delegations are sealed."""

import json
from typing import TYPE_CHECKING

from fujie.identity.errors import IdentityMisconfiguredError
from fujie.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, KeyParameters

CURVE = "P-256"


def new_signing_key() -> tuple[Secret, str]:
    """Return a fresh key pair for internal tokens as (private JWK, public JWK), both JSON text with a `kid`."""
    return _new_key({"use": "sig", "alg": "ES256"})


def new_sealing_key() -> tuple[Secret, str]:
    """Return a fresh key pair for delegations as (private JWK, public JWK), both JSON text with a `kid`."""
    return _new_key({"use": "enc", "alg": "ECDH-ES+A256KW"})


def new_wrapping_key() -> Secret:
    """Return a fresh key for FUJIE_SHARED_CACHE_KEY, as JWK with a `kid`."""
    from joserfc.jwk import OctKey

    return Secret(json.dumps(OctKey.generate_key(256, auto_kid=True).as_dict(private=True)))


def keys_from_jwk(text: str, *, setting: str) -> "list[ECKey]":
    """Return the EC P-256 keys of a JWK or a JWK set (the newest first, for rotation).

    Raises IdentityMisconfiguredError, naming `setting` and nothing of the key.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    try:
        data = json.loads(text)
        keys = [ECKey.import_key(item) for item in data.get("keys", [data])]
        usable = bool(keys) and all(key.curve_name == CURVE for key in keys)
    except (JoseError, ValueError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise IdentityMisconfiguredError(
            f"{setting} is not a JWK of an EC {CURVE} key", repair="generate the stack's keys anew"
        ) from None
    return keys


def key_for(keys: "list[ECKey]", kid: object) -> "ECKey | None":
    """Return the key that a header names; the only one when the header names none."""
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == kid), None)


def _new_key(parameters: "KeyParameters") -> tuple[Secret, str]:
    from joserfc.jwk import ECKey

    key = ECKey.generate_key(CURVE, parameters, auto_kid=True)
    return Secret(json.dumps(key.as_dict(private=True))), json.dumps(key.as_dict(private=False))

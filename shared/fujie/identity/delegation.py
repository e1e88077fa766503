"""A user's tokens, sealed where they arrive to a key that only `tool` and `callback` hold.

JWE compact, ECDH-ES+A256KW with A256GCM. What is inside says to which row, person and session it belongs, so a sealed
text that is moved to another row opens for nobody.

The row lies where every function can read, so its id is not what acts. What travels is `ID.SECRET`, and inside the seal
lies the secret's hash: who reads the database but was not handed the secret reaches nobody. The secret of a browser's
delegation comes from its cookie, that of a direct call from its token; it is kept nowhere but in the rows of the runs
that it was handed to. One token has one row, however often it calls.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fujie import clock
from fujie.identity.claims import VerifiedClaims
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, IdentityMisconfiguredError
from fujie.identity.keys import key_for, keys_from_jwk
from fujie.identity.port import IdentityStore
from fujie.identity.rows import Delegation, User
from fujie.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM = "ECDH-ES+A256KW"
ENCRYPTION = "A256GCM"
TYPE = "fujie-delegation+jwe"
KEPT_AFTER_END = timedelta(days=1)
MAX_FORGOTTEN = 100
"""Rows that one sweep takes: no sign-in waits for a long delete."""


@dataclass(frozen=True)
class InboundTokens:
    """What the issuer gave the user, and when the id_token ends."""

    id_token: Secret
    refresh_token: Secret | None
    expires_at: datetime
    secret_hash: str
    """Of the secret that whoever acts by them has to bring; a renewal keeps it."""


class Sealer:
    """Seals delegations; cannot open them."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self._key: ECKey | None = None

    def seal(self, delegation_id: str, user: User, session_hash: str, tokens: InboundTokens) -> str:
        """Return the JWE of the tokens, bound to the row, the person, the browser session and the secret."""
        from joserfc import jwe

        key = self._loaded()
        header = {"alg": ALGORITHM, "enc": ENCRYPTION, "typ": TYPE, "kid": key.kid}
        inside = _binding(delegation_id, user, session_hash) | {
            "id_token": tokens.id_token.reveal(),
            "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token else None,
            "exp": tokens.expires_at.timestamp(),
            "secret": tokens.secret_hash,
        }
        return jwe.encrypt_compact(header, json.dumps(inside), key, [ALGORITHM, ENCRYPTION])

    def _loaded(self) -> "ECKey":
        if self._key is None:
            self._key = keys_from_jwk(self._public_key, setting="FUJIE_SEALING_PUBLIC_KEY")[0]
            if self._key.is_private:
                raise IdentityMisconfiguredError("FUJIE_SEALING_PUBLIC_KEY holds the private half")
        return self._key


class Opener:
    """Opens delegations; `private_key` is a JWK, or a JWK set while keys rotate."""

    def __init__(self, private_key: Secret) -> None:
        self._private_key = private_key
        self._keys: list[ECKey] | None = None

    def open(self, row: Delegation, handed: str) -> InboundTokens:
        """Return the tokens inside to who was handed `ID.SECRET` of this row.

        Raises DelegationMismatchError for anybody else, and when they belong to another row or do not open. A withdrawn
        delegation opens for nobody: DelegationExpiredError.
        """
        if row.withdrawn_at is not None:
            raise DelegationExpiredError("the delegation was withdrawn", repair="sign in again")
        return self.open_withdrawn(row, handed)

    def open_withdrawn(self, row: Delegation, handed: str) -> InboundTokens:
        """Return the tokens also of a withdrawn delegation, to be revoked where they came from and for nothing else."""
        inside = self._decrypted(row.sealed)
        expected = _binding(row.id, row.user, row.session_hash)
        if {name: inside.get(name) for name in expected} != expected:
            raise DelegationMismatchError("the sealed delegation belongs to another row")
        tokens = _tokens(inside)
        row_id, _, secret = handed.partition(".")
        if row_id != row.id or not hmac.compare_digest(sha256_hex(secret).encode(), tokens.secret_hash.encode()):
            raise DelegationMismatchError("the delegation was not handed to who asks")
        return tokens

    def _decrypted(self, sealed: str) -> dict[str, Any]:
        from joserfc import jwe
        from joserfc.errors import JoseError

        try:
            header = jwe.decrypt_compact(sealed, lambda guest: self._key(guest.headers()), [ALGORITHM, ENCRYPTION])
            inside = json.loads(header.plaintext or b"")
        except (JoseError, ValueError):
            raise DelegationMismatchError("the sealed delegation does not open") from None
        if not isinstance(inside, dict):
            raise DelegationMismatchError("the sealed delegation holds something else")
        return inside

    def _key(self, header: dict[str, Any]) -> "ECKey":
        if self._keys is None:
            self._keys = keys_from_jwk(self._private_key.reveal(), setting="FUJIE_SEALING_PRIVATE_KEY")
        key = key_for(self._keys, header.get("kid"))
        if key is None:
            raise DelegationMismatchError("the delegation is sealed to a key that this function does not hold")
        return key


async def delegate(
    store: IdentityStore,
    sealer: Sealer,
    claims: VerifiedClaims,
    tokens: InboundTokens,
    *,
    tenant: str,
    session_hash: str,
    now: clock.Clock = clock.now,
) -> Delegation:
    """Seal a browser session's verified tokens into a new row and store it.

    What is returned acts for nobody without the private key, nor without `handed_id` of the row and the secret.
    """
    row = _sealed_row(sealer, secrets.token_urlsafe(32), claims.user(tenant), session_hash, tokens, now())
    await store.add_delegation(row)
    await _forget_ended(store, now())
    return row


async def delegate_direct(
    store: IdentityStore,
    sealer: Sealer,
    claims: VerifiedClaims,
    verified_token: Secret,
    *,
    tenant: str,
    now: clock.Clock = clock.now,
) -> str:
    """Return what acts for the owner of a direct call's token: `ID.SECRET`, the same for each call with this token.

    Both come from the token by one-way functions, so who has only the database has neither. Raises
    DelegationMismatchError when the row is somebody else's, DelegationExpiredError when it was withdrawn.
    """
    user, row_id, secret = claims.user(tenant), _derived(verified_token, "row"), _derived(verified_token, "secret")
    row = await store.delegation(row_id)
    if row is None:
        tokens = InboundTokens(verified_token, None, claims.expires_at, sha256_hex(secret))
        row = await store.add_delegation(_sealed_row(sealer, row_id, user, "", tokens, now()))
        await _forget_ended(store, now())
    if (row.user.tenant, row.user.id) != (user.tenant, user.id):
        raise DelegationMismatchError("the token's delegation has another owner")
    if row.withdrawn_at is not None:
        raise DelegationExpiredError("the delegation was withdrawn", repair="sign in again")
    return handed_id(row_id, Secret(secret))


async def _forget_ended(store: IdentityStore, now: datetime) -> None:
    """Sweep with each new row, so that there are no more than there were; each row goes a day after it ended.

    The day is for a run that still waits: it hears that its user has to sign in again, not that nothing is known.
    """
    await store.forget_ended_sign_ins(now - KEPT_AFTER_END, MAX_FORGOTTEN)


def secret_from_cookie(cookie: Secret) -> Secret:
    """Return the secret of the delegation of a browser session: only who holds the cookie can tell it."""
    return Secret(_derived(cookie, "secret"))


def handed_id(row_id: str, secret: Secret) -> str:
    """Return what travels, and acts."""
    return f"{row_id}.{secret.reveal()}"


def row_id_of(handed: str) -> str:
    """Return the row's id of what travels."""
    return handed.partition(".")[0]


def sha256_hex(text: str) -> str:
    """Return the form in which the store keeps a random value that somebody else must bring."""
    return hashlib.sha256(text.encode()).hexdigest()


def _sealed_row(
    sealer: Sealer, row_id: str, user: User, session_hash: str, tokens: InboundTokens, at: datetime
) -> Delegation:
    sealed = sealer.seal(row_id, user, session_hash, tokens)
    return Delegation(row_id, user, session_hash, sealed, tokens.expires_at, at)


def _derived(held: Secret, what: str) -> str:
    """Return what only the holder of a cookie or token can tell."""
    return hmac.new(held.reveal().encode(), f"fujie delegation {what}".encode(), hashlib.sha256).hexdigest()


def _tokens(inside: dict[str, Any]) -> InboundTokens:
    """Return what a seal holds; whoever has the public key can make one, of anything."""
    id_token, refresh, ends, secret = (inside.get(name) for name in ("id_token", "refresh_token", "exp", "secret"))
    are_texts = isinstance(id_token, str) and isinstance(secret, str) and isinstance(refresh, str | None)
    try:
        expires_at = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int | float) else None
    except (ValueError, OverflowError, OSError):
        expires_at = None
    if not are_texts or expires_at is None:
        raise DelegationMismatchError("the sealed delegation holds something else")
    return InboundTokens(Secret(str(id_token)), Secret(refresh) if refresh else None, expires_at, str(secret))


def _binding(delegation_id: str, user: User, session_hash: str) -> dict[str, Any]:
    return {"v": 1, "dlg": delegation_id, "tenant": user.tenant, "sub": user.id, "session": session_hash}

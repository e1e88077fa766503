"""After sign-out: the refresh token is revoked where it came from (RFC 7009), best effort and bounded.

`chat` signs people out and cannot open what it sealed; `callback` can. So `chat` tells `callback`, by an internal token
that names the delegation, and only one that is withdrawn already is opened for this.
"""

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fujie import clock
from fujie.errors import FujieError
from fujie.http import NoAnswerError, fetch
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.delegation import Opener, row_id_of
from fujie.identity.errors import DelegationMismatchError
from fujie.identity.internal import InternalMinter, InternalVerifier, spend
from fujie.identity.port import IdentityStore
from fujie.identity.rows import BrowserSession
from fujie.secret import Secret
from fujie.settings import Settings

if TYPE_CHECKING:
    import httpx2

PATH = "/callback/sign-out"
DEADLINE_S = 3.0
"""How long a person's sign-out waits for it; the delegation is withdrawn before."""
MAX_ANSWER_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class SignOutTeller:
    """Has a withdrawn delegation's refresh token revoked; what fails is logged, the sign-out stands."""

    def __init__(self, settings: Settings, http: "httpx2.AsyncClient", minter: InternalMinter) -> None:
        self._url = settings.public_url + PATH
        self._http = http
        self._minter = minter

    async def tell(self, session: BrowserSession) -> None:
        """Tell `callback`; never raises for what goes wrong there."""
        token = self._minter.mint("callback", delegation_id=session.delegation_id)
        headers = {"authorization": f"Bearer {token.reveal()}", "accept-encoding": "identity"}
        try:
            answer = await fetch(
                self._http,
                "POST",
                self._url,
                headers=headers,
                content=b"",
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=DEADLINE_S,
            )
        except NoAnswerError as error:
            _log.warning("a sign-out was not passed on: %s", error.message)
            return
        if answer.status != 204:
            _log.warning("a sign-out was not passed on: HTTP %d", answer.status)


class Revoker:
    """Revokes at the issuer, in `callback`."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        store: IdentityStore,
        opener: Opener,
        id_tokens: IdTokenVerifier,
        from_chat: InternalVerifier,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._settings = settings
        self._http = http
        self._store = store
        self._opener = opener
        self._id_tokens = id_tokens
        self._from_chat = from_chat
        self._now = now

    async def revoke(self, unverified_token: Secret) -> bool:
        """Revoke the refresh token of the delegation that `chat` names; False when there is none, or nowhere to.

        Raises TokenInvalidError, DelegationMismatchError (also when it is not withdrawn), IssuerUnavailableError.
        """
        caller = self._from_chat.verify(unverified_token)
        await spend(self._store, caller, self._now())
        row = await self._store.delegation(row_id_of(caller.delegation_id))
        if row is None or row.withdrawn_at is None:
            raise DelegationMismatchError("the delegation was not withdrawn")
        refresh_token = self._opener.open_withdrawn(row, caller.delegation_id).refresh_token
        endpoint = (await self._id_tokens.issuer_metadata()).revocation_endpoint
        if refresh_token is None or not endpoint:
            return False
        return await self._ask(endpoint, refresh_token)

    async def _ask(self, endpoint: str, refresh_token: Secret) -> bool:
        form = {
            "token": refresh_token.reveal(),
            "token_type_hint": "refresh_token",
            "client_id": self._settings.oidc_client_id,
        }
        secret = self._settings.oidc_client_secret
        headers = {"content-type": "application/x-www-form-urlencoded", "accept-encoding": "identity"}
        try:
            answer = await fetch(
                self._http,
                "POST",
                endpoint,
                headers=headers,
                content=urlencode(form | ({"client_secret": secret.reveal()} if secret else {})).encode(),
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=DEADLINE_S,
            )
        except NoAnswerError as error:
            _log.warning("a refresh token was not revoked: %s", error.message)
            return False
        if answer.status != 200:
            _log.warning("a refresh token was not revoked: HTTP %d", answer.status)
        return answer.status == 200


async def revoke_quietly(revoker: Revoker, unverified_token: Secret) -> int:
    """Return the status to answer `chat` with."""
    try:
        await revoker.revoke(unverified_token)
    except FujieError as error:
        _log.warning("a refresh token was not revoked: %s", error.code)
        return error.status
    return 204

"""After a withdrawal: the access token is revoked at its provider (RFC 7009), where that can be done from here.

The permission is withdrawn already when this begins, and stays so whatever comes of it. `chat` knows who withdraws and
holds no token; `tool` can obtain the one in the vault, with the person's own sign-in. So `chat` tells `tool`. A
provider demands the secret of a client that has one, and only the cloud's vault has that: so only a public client's
token is revoked, and for any other the person is told to take it back at the provider, too.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from fujie import clock
from fujie.errors import FujieError, SettingsError
from fujie.http import NoAnswerError, fetch, is_safe_url
from fujie.identity.acting import Refresher, open_tokens
from fujie.identity.data_plane import DataPlane, OAuthQuestion, OAuthToken
from fujie.identity.delegation import Opener, row_id_of
from fujie.identity.errors import DelegationMismatchError, IssuerUnavailableError, TokenInvalidError
from fujie.identity.internal import InternalMinter, InternalVerifier, arguments_hash, spend
from fujie.identity.ledger import Ledger, actors
from fujie.identity.port import IdentityStore
from fujie.identity.rows import BrowserSession, Grant, LedgerEntry
from fujie.identity.workload_tokens import Whom, WorkloadTokens
from fujie.secret import Secret

if TYPE_CHECKING:
    import httpx2

PATH = "/withdrawals"
TELL_DEADLINE_S = 8.0
"""How long a person's page waits to hear what became of it."""
ASK_DEADLINE_S = 3.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_ASKED = 8
"""How many sets of scopes the vault is asked for."""

AtProvider = Literal["revoked", "unreached"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicClient:
    """This stack's client at a provider that knows it without a secret."""

    client_id: str
    discovery_url: str


class WithdrawalTeller:
    """Has `tool` revoke what a withdrawn permission gave; what fails is logged, the withdrawal stands."""

    def __init__(self, tool_url: str, http: "httpx2.AsyncClient", minter: InternalMinter) -> None:
        self._url = tool_url + PATH if tool_url else ""
        self._http = http
        self._minter = minter

    async def tell(self, session: BrowserSession, provider: str) -> AtProvider:
        """Return what became of it at the provider; never raises for what goes wrong there."""
        if not self._url:
            return "unreached"
        asked = {"provider": provider}
        token = self._minter.mint("tool", delegation_id=session.delegation_id, arguments_hash=arguments_hash(asked))
        try:
            answer = await fetch(
                self._http,
                "POST",
                self._url,
                headers={"authorization": f"Bearer {token.reveal()}", "content-type": "application/json"},
                content=json.dumps(asked).encode(),
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=TELL_DEADLINE_S,
            )
        except NoAnswerError as error:
            _log.warning("a withdrawal was not passed on: %s", error.message)
            return "unreached"
        return "revoked" if answer.status == 200 and answer.body == b'{"at_provider":"revoked"}' else "unreached"


class GrantRevoker:
    """Revokes at the provider, in `tool`."""

    def __init__(
        self,
        http: "httpx2.AsyncClient",
        store: IdentityStore,
        opener: Opener,
        from_chat: InternalVerifier,
        vault: "Vault",
        clients: Mapping[str, PublicClient],
        *,
        refresh: Refresher | None = None,
        ledger: Ledger | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        self._http = http
        self._store = store
        self._opener = opener
        self._from_chat = from_chat
        self._vault = vault
        self._clients = clients
        self._refresh = refresh
        self._ledger = ledger
        self._now = now

    async def revoke(self, unverified_token: Secret, provider: str) -> AtProvider:
        """Revoke what the person's withdrawn permission gave; what fails is in the log and the ledger.

        Raises TokenInvalidError, DelegationMismatchError (also when the permission stands), DelegationExpiredError.
        """
        caller = self._from_chat.verify(unverified_token)
        if caller.arguments_hash != arguments_hash({"provider": provider}):
            raise TokenInvalidError("the internal token is for another withdrawal")
        await spend(self._store, caller, self._now())
        row = await self._store.delegation(row_id_of(caller.delegation_id))
        grant = await self._store.grant(row.user, provider) if row else None
        if row is None or grant is None or grant.withdrawn_at is None:
            raise DelegationMismatchError("the permission was not withdrawn")
        handed, now = caller.delegation_id, self._now()
        tokens = await open_tokens(self._store, self._opener, row, handed, refresh=self._refresh, now=now)
        whom = Whom(row.user.tenant, tokens.id_token, subject=row.user.id, expires_at=tokens.expires_at)
        outcome, revoked = await self._outcome(whom, grant)
        await self._record(grant, actors(caller.act), outcome, revoked)
        return "revoked" if outcome == "revoked" else "unreached"

    async def _outcome(self, whom: Whom, grant: Grant) -> tuple[str, Secret | None]:
        client = self._clients.get(grant.provider)
        if client is None:
            return "client_has_a_secret", None
        try:
            endpoint = await self._endpoint(client)
            found = await self._vault.tokens(whom, grant) if endpoint else ()
            for token in found:
                await self._ask(endpoint, client, token)
        except FujieError as error:
            _log.warning("a token of %s was not revoked: %s: %s", grant.provider, error.code, error.message)
            return error.code, None
        if not endpoint:
            return "no_revocation_endpoint", None
        return ("revoked", found[-1]) if found else ("nothing_in_the_vault", None)

    async def _endpoint(self, client: PublicClient) -> str:
        """Return the provider's revocation endpoint, or nothing where it has none that a token may be sent to."""
        answer = await fetch(
            self._http,
            "GET",
            client.discovery_url,
            headers={"accept": "application/json", "accept-encoding": "identity"},
            max_bytes=MAX_ANSWER_BYTES,
            deadline_s=ASK_DEADLINE_S,
        )
        try:
            found = json.loads(answer.body).get("revocation_endpoint") if answer.status == 200 else None
        except (ValueError, AttributeError, RecursionError):
            raise IssuerUnavailableError("the provider's metadata is malformed") from None
        is_as_safe = isinstance(found, str) and found.startswith("https:") >= client.discovery_url.startswith("https:")
        return str(found) if is_as_safe and is_safe_url(str(found)) else ""

    async def _ask(self, endpoint: str, client: PublicClient, token: Secret) -> None:
        form = {"token": token.reveal(), "token_type_hint": "access_token", "client_id": client.client_id}
        answer = await fetch(
            self._http,
            "POST",
            endpoint,
            headers={"content-type": "application/x-www-form-urlencoded", "accept-encoding": "identity"},
            content=urlencode(form).encode(),
            max_bytes=MAX_ANSWER_BYTES,
            deadline_s=ASK_DEADLINE_S,
        )
        if answer.status != 200:
            raise IssuerUnavailableError(f"the provider's revocation endpoint answered {answer.status}")

    async def _record(self, grant: Grant, actor: str, outcome: str, revoked: Secret | None) -> None:
        if self._ledger is not None:
            entry = LedgerEntry(
                self._now(), actor, grant.user, "", "", "", "oauth", grant.provider, grant.scopes, "withdrawn", outcome
            )
            await self._ledger.record(entry, revoked)


class Vault:
    """What the cloud's vault holds of a person, looked up to be revoked and for nothing else."""

    def __init__(self, data_plane: DataPlane, workload: str, return_url: str, *, now: clock.Clock = clock.now) -> None:
        self._data_plane = data_plane
        self._return_url = return_url
        self._wats = WorkloadTokens(data_plane, workload, now=now)

    async def tokens(self, whom: Whom, grant: Grant) -> tuple[Secret, ...]:
        """Return the access tokens of the grant's scopes, each once; where none covers all, those of each scope."""
        found: list[Secret] = []
        for scopes in (grant.scopes, *((scope,) for scope in grant.scopes))[:MAX_ASKED]:
            token = await self._token(whom, grant.provider, scopes)
            if token is not None and token not in found:
                found.append(token)
            if token is not None and scopes == grant.scopes:
                break
        return tuple(found)

    async def _token(self, whom: Whom, provider: str, scopes: tuple[str, ...]) -> Secret | None:
        question = OAuthQuestion(provider, scopes, self._return_url, Secret(secrets.token_urlsafe(32)))
        answer = await self._wats.ask_with(whom, lambda wat: self._data_plane.get_resource_oauth2_token(wat, question))
        return answer.access_token if isinstance(answer, OAuthToken) else None


def public_clients(texts: Mapping[str, str]) -> dict[str, PublicClient]:
    """Return the clients that FUJIE_PUBLIC_CLIENTS names, by provider; raises SettingsError."""
    try:
        return {provider: _public_client(json.loads(text)) for provider, text in texts.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("FUJIE_PUBLIC_CLIENTS must map providers to client_id and discovery_url") from error


def _public_client(told: Mapping[str, Any]) -> PublicClient:
    url = told["discovery_url"]
    if not isinstance(url, str) or not is_safe_url(url):
        raise ValueError("the discovery URL must be an https address")
    return PublicClient(str(told["client_id"]), url)

"""From a declaration and a verified user to what a tool's clients carry."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fujie.identity.acting import Actor, Unattended
from fujie.identity.consent import ConsentAsk
from fujie.identity.errors import CloudUnavailableError, DelegationRequiredError
from fujie.identity.outbound import CredentialBroker, IssuedCredential, StsCredential, Unasked
from fujie.permission import CredentialBadge
from fujie.secret import Secret
from fujie.tools.declaration import STS, APIKey, OAuth, Tool
from fujie.tools.narrowing import Scope, session_policy

if TYPE_CHECKING:
    from fujie.objects.port import ObjectStore

DEADLINE_S = 15.0
OpenObjects = Callable[[StsCredential], "ObjectStore"]


@dataclass(frozen=True)
class Grant:
    """What a call may use. `secrets` is everything in it that must never come out again."""

    badge: CredentialBadge | None = None
    issued: IssuedCredential | None = None
    sts: StsCredential | None = None
    header: str = "Authorization"
    prefix: str = "Bearer "

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return what must not leave with an output."""
        sts = (self.sts.access_key_secret, self.sts.security_token) if self.sts else ()
        return (*sts, *((self.issued.secret,) if self.issued else ()))


@dataclass(frozen=True)
class Asked:
    """One call: which, with what, in which language."""

    tool: Tool
    arguments: Mapping[str, Any]
    call_id: str
    language: str


class Grants:
    """Obtains the declared credential of a call, through the broker alone."""

    def __init__(self, broker: CredentialBroker, bucket: str) -> None:
        self._broker = broker
        self._bucket = bucket

    async def grant(self, acting: Actor, asked: Asked) -> Grant:
        """Return the call's credential; raises AuthorizationRequired and the other errors of identity.

        Where nobody is signed in, what is somebody's own is refused: DelegationRequiredError.
        """
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._grant(acting, asked)
        except TimeoutError as error:
            raise CloudUnavailableError(
                f"no credential within {DEADLINE_S:g} s", repair="try again in a moment"
            ) from error

    async def forget(self, acting: Actor, grant: Grant) -> None:
        """Drop a credential that the provider refused, so that the next call obtains a new one."""
        if grant.issued is not None:
            await self._broker.forget(acting, grant.issued)

    async def _grant(self, acting: Actor, asked: Asked) -> Grant:
        credential = asked.tool.credential
        if isinstance(credential, APIKey):
            issued = await self._broker.api_key(acting, credential.provider)
            return Grant(issued.badge(), issued, header=credential.header, prefix=credential.prefix)
        if isinstance(credential, OAuth):
            issued = await self._token(acting, asked, credential)
            return Grant(issued.badge(), issued)
        if isinstance(credential, STS):
            policy = session_policy(credential, Scope(acting.user.id, self._bucket), asked.arguments)
            sts = await self._broker.sts(acting, policy, session_name=session_name(acting.user.id))
            return Grant(sts.badge(), sts=sts)
        return Grant()

    async def _token(self, acting: Actor, asked: Asked, credential: OAuth) -> IssuedCredential:
        provider, scopes = credential.provider, tuple(credential.scopes)
        lasting = timedelta(seconds=asked.tool.timeout_s)
        if credential.flow == "M2M":
            return await self._broker.unasked(acting, Unasked(provider, scopes, "M2M"), lasting=lasting)
        if isinstance(acting, Unattended):
            raise DelegationRequiredError(f"{asked.tool.name} acts for a person, and nobody is signed in")
        if credential.flow == "USER_FEDERATION":
            ask = _consent_ask(asked, credential)
            return await self._broker.oauth(acting, provider, scopes, ask=ask, lasting=lasting)
        wish = Unasked(provider, scopes, credential.flow, credential.audience)
        return await self._broker.unasked(acting, wish, lasting=lasting)


def session_name(user_id: str) -> str:
    """Return a RoleSessionName (2 to 64 of letters, digits, . @ - _) that lets the cloud's audit name the user."""
    user_id = user_id or "nobody"
    return f"fujie-{re.sub(r'[^A-Za-z0-9.@_-]', '-', user_id)}"[:64]


def _consent_ask(asked: Asked, credential: OAuth) -> ConsentAsk:
    return ConsentAsk(
        asked.tool.name,
        asked.call_id,
        reason=asked.tool.reason,
        provider_name=credential.display_name,
        scope_words=credential.scopes,
        language=asked.language,
    )

"""What chat is made of: built once at start, handed to the app."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from fujie.errors import SettingsError
from fujie.fc.context import current_caller_key
from fujie.http import http_client
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.consent import ConsentDesk
from fujie.identity.delegation import Sealer
from fujie.identity.internal import InternalMinter
from fujie.identity.revoking import SignOutTeller
from fujie.identity.signin import SignIn
from fujie.identity.wake import Waker
from fujie.identity.withdrawing import WithdrawalTeller
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings
from functions.chat.agent import Agent, ElsewhereAgent, ProcessAgent
from functions.chat.cookies import Cookies


@dataclass(frozen=True)
class Parts:
    """The collaborators of chat's handlers."""

    settings: Settings
    store: Store
    http: httpx2.AsyncClient
    sign_in: SignIn
    desk: ConsentDesk
    waker: Waker
    agent: Agent
    cookies: Cookies
    signed_out: SignOutTeller | None = None
    """Has refresh tokens revoked after a sign-out."""
    withdrawn: WithdrawalTeller | None = None
    """Has a withdrawn permission's token revoked at its provider."""

    @property
    def origin(self) -> str:
        url = urlsplit(self.settings.public_url)
        return f"{url.scheme}://{url.netloc}"


def parts_from_settings(settings: Settings) -> Parts:
    """Return chat's collaborators; raises SettingsError, naming it, when a setting is missing."""
    for name in ("public_url", "oidc_issuer", "oidc_client_id", "sealing_public_key", "internal_signing_key"):
        if not getattr(settings, name):
            raise SettingsError(f"chat needs the setting {name}", repair=f"set FUJIE_{name.upper()}")
    assert settings.internal_signing_key is not None
    http, store = http_client(), store_from_settings(settings)
    minter = InternalMinter("chat", settings.internal_signing_key)
    verifier = IdTokenVerifier(http, settings.oidc_issuer, settings.oidc_client_id)
    return Parts(
        settings=settings,
        store=store,
        http=http,
        sign_in=SignIn(settings, http, store, verifier, Sealer(settings.sealing_public_key)),
        desk=ConsentDesk(settings, store),
        waker=Waker(settings, http, minter, current_caller_key),
        agent=_agent(settings, http, store, minter),
        cookies=Cookies(secure=settings.public_url.startswith("https://")),
        signed_out=SignOutTeller(settings, http, minter),
        withdrawn=WithdrawalTeller(settings.tool_url, http, minter),
    )


def _agent(settings: Settings, http: httpx2.AsyncClient, store: Store, minter: InternalMinter) -> Agent:
    if settings.agent_endpoint:
        return ElsewhereAgent(http, store, settings.agent_endpoint, settings.agent_bearer_token)
    if not settings.process_url:
        raise SettingsError("chat needs to know its agent", repair="set FUJIE_PROCESS_URL or FUJIE_AGENT_ENDPOINT")
    return ProcessAgent(http, settings.process_url, minter)

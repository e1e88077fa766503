"""What callback is made of: built once at start, handed to the app."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2

from fujie.errors import SettingsError
from fujie.http import http_client
from fujie.identity.acting import Refresher
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.completion import complete
from fujie.identity.consent import ConsentDesk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import Opener, Sealer
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.revoking import Revoker
from fujie.identity.rows import Consent
from fujie.identity.signin import SignIn
from fujie.identity.wake import Waker
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings, caller_key_from_environ


@dataclass(frozen=True)
class Parts:
    """The collaborators of callback's handlers."""

    settings: Settings
    store: Store
    http: httpx2.AsyncClient
    sign_in: SignIn
    desk: ConsentDesk
    waker: Waker
    complete: Callable[[Consent], Awaitable[None]]
    """Confirms a returned consent to the cloud with the user's own token."""
    revoker: Revoker | None = None
    """Revokes what a sign-out leaves behind; None where `chat` is unknown."""

    @property
    def session_cookie(self) -> str:
        """The cookie that `chat` sets; the prefix only where the origin is https."""
        return "__Host-fujie_session" if self.settings.public_url.startswith("https://") else "fujie_session"


def parts_from_settings(settings: Settings) -> Parts:
    """Return callback's collaborators; raises SettingsError, naming it, when a setting is missing."""
    signing_key, sealing_key = settings.internal_signing_key, settings.sealing_private_key
    if not settings.public_url or signing_key is None or sealing_key is None:
        raise SettingsError(
            "callback lacks a setting",
            repair="set FUJIE_PUBLIC_URL, FUJIE_INTERNAL_SIGNING_KEY and FUJIE_SEALING_PRIVATE_KEY",
        )
    http, store = http_client(), store_from_settings(settings)
    verifier = IdTokenVerifier(http, settings.oidc_issuer, settings.oidc_client_id)
    sealer, opener = Sealer(settings.sealing_public_key), Opener(sealing_key)
    data_plane = DataPlane(settings, http, caller_key_from_environ)
    refresh = Refresher(settings, http, verifier, sealer)

    keys = settings.internal_public_keys
    from_chat = InternalVerifier("callback", keys, {"chat"}) if "chat" in keys else None

    async def complete_consent(consent: Consent) -> None:
        await complete(data_plane, opener, store, consent, refresh=refresh)

    return Parts(
        settings=settings,
        store=store,
        http=http,
        sign_in=SignIn(settings, http, store, verifier, sealer),
        desk=ConsentDesk(settings, store),
        waker=Waker(settings, http, InternalMinter("callback", signing_key), caller_key_from_environ),
        complete=complete_consent,
        revoker=Revoker(settings, http, store, opener, verifier, from_chat) if from_chat else None,
    )

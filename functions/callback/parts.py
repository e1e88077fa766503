"""What callback is made of: built once at start, handed to the app."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2

from fujie.identity.consent import ConsentDesk
from fujie.identity.signin import SignIn
from fujie.identity.wake import Waker
from fujie.sessions.port import Store
from fujie.sessions.rows import Consent
from fujie.settings import Settings


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

    @property
    def session_cookie(self) -> str:
        """The cookie that `chat` sets; the prefix only where the origin is https."""
        return "__Host-fujie_session" if self.settings.public_url.startswith("https://") else "fujie_session"

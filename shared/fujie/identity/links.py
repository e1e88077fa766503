"""Links that an agent's own process gave out: whoever waits for one is told when its user has come back."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Literal

from fujie import clock
from fujie.identity.errors import AuthorizationRequired

MET: ContextVar[list[AuthorizationRequired] | None] = ContextVar("fujie_met", default=None)
"""What the present context met that its user has to allow, for whom a framework hides it from."""
Answer = Literal["open", "granted", "refused"]
MAX_LINKS = 10_000
"""Beyond that the oldest is forgotten: nobody is told of it, and whoever asks again finds out."""


class Link:
    """One link of the cloud's, for one user; `ask` asks the cloud how it stands, by one request."""

    def __init__(self, session_uri: str, expires_at: datetime, ask: Callable[[], Awaitable[Answer]]) -> None:
        self.session_uri = session_uri
        self.expires_at = expires_at
        self.ask = ask
        self.listeners: list[Callable[[], None]] = []
        """Are called, in any thread, once the permission is confirmed."""


class Links:
    """Those that may still be opened, by their session."""

    def __init__(self, now: clock.Clock = clock.now) -> None:
        self._now = now
        self._links: OrderedDict[str, Link] = OrderedDict()

    def add(self, link: Link) -> None:
        """Remember a link, and forget those whose time is over."""
        self._links[link.session_uri] = link
        while len(self._links) > MAX_LINKS or next(iter(self._links.values())).expires_at <= self._now():
            self._links.popitem(last=False)
            if not self._links:
                return

    def completed(self, session_uri: str) -> None:
        """Tell who waits."""
        link = self._links.pop(session_uri, None)
        for listener in link.listeners if link else ():
            listener()


def met(asked: AuthorizationRequired) -> None:
    """Note what is about to be raised."""
    noted = MET.get()
    if noted is not None:
        noted.append(asked)

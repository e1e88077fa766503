"""Session affinity: requests of one session reach one instance, for as long as the session lives.

A session is named by a header that the client sends, or by a cookie that the platform gives; who sends none begins a
new one. Asynchronous invocations have none.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fujie_emulator.functionhost.errors import RequestRefusedError

COOKIE = "x-fc-cookie-session-id"
REQUESTS = 200
"""Of all sessions together that an instance with affinity takes at once; it cannot be set."""
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
Header = tuple[bytes, bytes]
InstanceT = TypeVar("InstanceT")


@dataclass(frozen=True)
class Affinity:
    """How a function's sessions are named (`header` is "" for the cookie), how many share an instance, how long."""

    header: str = ""
    per_instance: int = 20
    ttl_s: float = 21_600
    idle_s: float = 1_800


@dataclass(frozen=True)
class Asked:
    """The session of a request, and the header that tells the client its name when it is new."""

    session: str = ""
    told: tuple[Header, ...] = ()


def asked(affinity: Affinity | None, headers: Iterable[Header]) -> Asked:
    """Return the session that a request names, or a new one; RequestRefusedError (400) when it cannot be a name."""
    if affinity is None:
        return Asked()
    named = _cookie(headers) if not affinity.header else _header(headers, affinity.header)
    if named:
        if not _ID.fullmatch(named):
            raise RequestRefusedError("InvalidArgument", 400, "a session id has 1 to 64 letters, digits, _ and -")
        return Asked(named)
    made = secrets.token_hex(16)
    if affinity.header:
        return Asked(made, ((affinity.header.lower().encode(), made.encode()),))
    return Asked(made, ((b"set-cookie", f"{COOKIE}={made}; Max-Age={affinity.ttl_s:g}".encode()),))


def _header(headers: Iterable[Header], name: str) -> str:
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in headers if key.lower() == wanted), "")


def _cookie(headers: Iterable[Header]) -> str:
    pairs = "; ".join(value.decode("latin-1") for key, value in headers if key.lower() == b"cookie").split(";")
    found = dict(pair.strip().partition("=")[::2] for pair in pairs)
    return found.get(COOKIE, "")


@dataclass
class _Session(Generic[InstanceT]):
    instance: InstanceT
    begun_at: float
    used_at: float


class Sessions(Generic[InstanceT]):
    """Which instance each living session of a function is bound to."""

    def __init__(self, affinity: Affinity, now: Callable[[], float]) -> None:
        self._affinity = affinity
        self._now = now
        self._held: dict[str, _Session[InstanceT]] = {}

    def instance_of(self, session: str) -> InstanceT | None:
        """Return the instance of a session that lives."""
        self._expire()
        held = self._held.get(session)
        return held.instance if held else None

    def use(self, session: str, instance: InstanceT) -> None:
        """Bind a new session to the instance, or note that one was used."""
        now = self._now()
        held = self._held.get(session)
        if held is None or held.instance is not instance:
            self._held[session] = _Session(instance, now, now)
        else:
            held.used_at = now

    def has_room(self, instance: InstanceT) -> bool:
        """Say whether another session may be bound to the instance."""
        return sum(held.instance is instance for held in self._held.values()) < self._affinity.per_instance

    def leave(self, instance: InstanceT) -> None:
        """Forget the sessions of an instance that takes no more requests."""
        self._held = {name: held for name, held in self._held.items() if held.instance is not instance}

    def _expire(self) -> None:
        now, rules = self._now(), self._affinity
        idle_s = rules.idle_s or rules.ttl_s
        self._held = {
            name: held
            for name, held in self._held.items()
            if now - held.begun_at < rules.ttl_s and now - held.used_at < idle_s
        }

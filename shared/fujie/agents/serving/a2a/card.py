"""The agent card at its well-known place, signed where there is a key, and the key set that its signatures name."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.errors import InputError
from fujie.identity.keys import keys_from_jwk
from fujie.protocols.a2a.card import KEYS_PATH, AgentProfile, Skill, whole_card
from fujie.protocols.a2a.nouns import Json
from fujie.protocols.a2a.signature import public_keys, signed_card

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

CARD_PATH = "/.well-known/agent-card.json"
MAX_AGE_S = 300
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")


def card_routes(served: Served) -> list[Route]:
    """Return the card's route and that of its keys."""
    return [
        Route("GET", CARD_PATH, CardDoor(served), plain_refusal),
        Route("GET", KEYS_PATH, KeysDoor(served), plain_refusal),
    ]


@dataclass(frozen=True)
class CardDoor:
    """The public card."""

    served: Served
    _made: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; a card that was not changed is not sent again."""
        if not self.served.public_url:
            body = json.dumps(card(self.served, request), ensure_ascii=False).encode()
            await answer(send, Answer(200, body, headers=[(b"cache-control", b"no-store")]))
            return
        body, etag = self._kept(request)
        headers = [(b"etag", etag), (b"cache-control", f"public, max-age={MAX_AGE_S}".encode())]
        if request.headers.get("if-none-match", "").encode() == etag:
            await answer(send, Answer(304, b"", headers=headers))
            return
        await answer(send, Answer(200, body, headers=headers))

    def _kept(self, request: Request) -> tuple[bytes, bytes]:
        """Return the card and its tag, made once: what it says does not change while it is served."""
        if not self._made:
            body = json.dumps(card(self.served, request), ensure_ascii=False).encode()
            self._made.append((body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()))
        return self._made[0]


@dataclass(frozen=True)
class KeysDoor:
    """The public keys of the card's signatures."""

    served: Served

    async def __call__(self, _request: Request, send: Send) -> None:
        """Answer one request."""
        headers = [(b"cache-control", f"public, max-age={MAX_AGE_S}".encode())]
        await answer(send, Answer(200, json.dumps(public_keys(_keys(self.served))).encode(), headers=headers))


def card(served: Served, request: Request, more_skills: Sequence[Skill] = ()) -> Json:
    """Return the card: signed with the newest key where there is one and the public address is known.

    Else it is for whoever reached us, at the address by which he did, and no signature vouches for that.
    """
    if not served.public_url:
        return whole_card(_profile(served, _reached_at(request), more_skills))
    profile = _profile(served, served.public_url, more_skills)
    keys = _keys(served)
    return signed_card(profile, keys[0], served.public_url + KEYS_PATH) if keys else whole_card(profile)


def _reached_at(request: Request) -> str:
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise InputError("the agent has no public address, and the request names no host", repair="set public_url")
    return f"{request.scope['scheme']}://{host}"


def _profile(served: Served, public_url: str, more_skills: Sequence[Skill]) -> AgentProfile:
    metadata = served.metadata
    description = metadata.description or metadata.name
    chat = Skill("chat", metadata.name, description, tuple(metadata.tags) or ("agent",))
    skills = (chat, *more_skills)
    return AgentProfile(
        metadata.name,
        description,
        metadata.version,
        public_url,
        skills,
        authenticated=not served.config.open_access,
        pushes=served.pushes is not None,
    )


def _keys(served: Served) -> "list[ECKey]":
    return keys_from_jwk(served.card_key.reveal(), setting="card_key") if served.card_key else []

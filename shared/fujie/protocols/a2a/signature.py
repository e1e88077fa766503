"""Signatures of the agent card (1.0: 8.4): JWS with its payload left out, over the card in canonical JSON.

What a verifier signs over depends on what it reads, so there are three: the card as it is served, what a 1.0 client
keeps of it (as a2a-sdk 1.x writes it again), and what a 0.3 client keeps (as a2a-sdk 0.3.26 does). One that holds
is enough.
"""

import json
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from fujie.protocols.a2a.card import AgentProfile, card_0_3, card_1_0, whole_card
from fujie.protocols.a2a.nouns import Json

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM = "ES256"


def signed_card(agent: AgentProfile, key: "ECKey", keys_url: str) -> Json:
    """Return the card with its signatures, each of which says where the public key is."""
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": "JOSE", "jku": keys_url}
    return whole_card(agent) | {"signatures": [_signature(payload, header, key) for payload in payloads(agent)]}


def public_keys(keys: "Sequence[ECKey]") -> Json:
    """Return the key set at `jku`."""
    kind = {"use": "sig", "alg": ALGORITHM}
    return {"keys": [key.as_dict(private=False) | kind | {"kid": key.thumbprint()} for key in keys]}


def payloads(agent: AgentProfile) -> list[bytes]:
    """Return what is signed."""
    as_1_0 = canonical(_without_empty(card_1_0(agent)))
    as_0_3 = json.dumps(_without_empty(_without_defaults_0_3(card_0_3(agent))), separators=(",", ":"), sort_keys=True)
    return [canonical(whole_card(agent)), as_1_0, as_0_3.encode()]


def _signature(payload: bytes, header: Json, key: "ECKey") -> Json:
    from joserfc import jws

    protected, _, signature = jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM]).split(".")
    return {"protected": protected, "signature": signature}


def canonical(value: Any) -> bytes:
    """Return the value in canonical JSON (RFC 8785). Cards hold no fractions, and a float is refused."""
    return _canonical(value).encode()


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{encode_basestring(key)}:{_canonical(item)}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool | int | None):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} in an agent card")


def _without_empty(value: Any) -> Any:
    """Return the value without empty texts, lists and objects, as the SDKs write it; None when nothing is left."""
    if isinstance(value, dict):
        kept = {key: item for key, old in value.items() if (item := _without_empty(old)) is not None}
        return kept or None
    if isinstance(value, list):
        return [item for old in value if (item := _without_empty(old)) is not None] or None
    return None if value == "" else value


def _without_defaults_0_3(card: Json) -> Json:
    """Return the card without the values that 0.3's models have of themselves."""
    schemes = {
        name: {key: value for key, value in scheme.items() if key != "type"}
        for name, scheme in card.get("securitySchemes", {}).items()
    }
    kept = {key: value for key, value in card.items() if key not in ("protocolVersion", "preferredTransport")}
    return kept | ({"securitySchemes": schemes} if schemes else {})

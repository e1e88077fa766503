"""The agent card: what both lines read of one document, and signatures that their own verifiers take."""

import json

import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3 import types as models_0_3
from a2a.utils._jcs import canonicalize
from a2a.utils.signing import InvalidSignaturesError, create_signature_verifier
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64encode
from jwt import PyJWK

from fujie.protocols.a2a.card import AgentProfile, Skill, whole_card
from fujie.protocols.a2a.signature import canonical, public_keys, signed_card

FRIDAY = AgentProfile(
    name="Friday",
    description="Hilft dir, 帮助你",
    version="1.2.3",
    public_url="https://agents.example",
    skills=(Skill("chat", "Friday", "Hilft dir", ("agent",)),),
    authenticated=True,
)
KEY = ECKey.generate_key("P-256")
KEYS_URL = "https://agents.example/a2a/jwks.json"


def test_1_0_reads_the_interfaces_of_both_versions_at_the_public_address():
    card = parse_agent_card(whole_card(FRIDAY))
    found = [(one.protocol_binding, one.protocol_version, one.url) for one in card.supported_interfaces]
    assert found == [
        ("JSONRPC", "1.0", "https://agents.example/a2a"),
        ("HTTP+JSON", "1.0", "https://agents.example/a2a"),
        ("JSONRPC", "0.3", "https://agents.example/a2a"),
        ("HTTP+JSON", "0.3", "https://agents.example/a2a"),
    ]
    assert card.capabilities.streaming
    assert card.capabilities.push_notifications
    assert card.capabilities.extended_agent_card
    assert card.security_schemes["bearer"].http_auth_security_scheme.scheme == "Bearer"
    assert [list(one.schemes) for one in card.security_requirements] == [["bearer"]]


def test_0_3_reads_the_same_document():
    card = models_0_3.AgentCard.model_validate(whole_card(FRIDAY))
    assert (card.url, card.preferred_transport, card.protocol_version) == (
        "https://agents.example/a2a",
        "JSONRPC",
        "0.3.0",
    )
    assert [one.transport for one in card.additional_interfaces] == ["JSONRPC", "HTTP+JSON"]
    assert card.supports_authenticated_extended_card
    assert card.security_schemes["bearer"].root.type == "http"
    assert card.security == [{"bearer": []}]


def test_an_open_agent_asks_for_no_token():
    card = whole_card(AgentProfile("a", "b", "1", "http://127.0.0.1:1", FRIDAY.skills, authenticated=False))
    assert not {"securitySchemes", "securityRequirements", "security"} & card.keys()
    assert card["supportsAuthenticatedExtendedCard"] is False


def official_key(kid, jku):
    assert jku == KEYS_URL
    return PyJWK({key["kid"]: key for key in public_keys([KEY])["keys"]}[kid])


def test_the_official_1_0_verifier_takes_the_signature_and_nothing_that_was_changed():
    verify = create_signature_verifier(official_key, ["ES256"])
    card = signed_card(FRIDAY, KEY, KEYS_URL)
    verify(parse_agent_card(json.loads(json.dumps(card))))
    for change in ({"name": "Monday"}, {"supportedInterfaces": card["supportedInterfaces"][:1]}):
        with pytest.raises(InvalidSignaturesError):
            verify(parse_agent_card(json.loads(json.dumps(card | change))))


def test_who_verifies_the_document_as_it_came_needs_only_rfc_8785():
    card = signed_card(FRIDAY, KEY, KEYS_URL)
    first = card.pop("signatures")[0]
    payload = canonicalize(card).encode()
    assert payload == canonical(card)
    token = b".".join([first["protected"].encode(), urlsafe_b64encode(payload), first["signature"].encode()])
    found = jws.deserialize_compact(token, KEY, algorithms=["ES256"])
    assert found.headers() == {"alg": "ES256", "typ": "JOSE", "kid": KEY.thumbprint(), "jku": KEYS_URL}


def test_the_private_key_is_in_nothing_that_is_served():
    served = json.dumps([signed_card(FRIDAY, KEY, KEYS_URL), public_keys([KEY])])
    assert KEY.as_dict(private=True)["d"] not in served


@pytest.mark.parametrize(
    "value", ['\u20ac$\u000f\nA\'B"\\\\"/\x7f', {"\U0001f600": 1, "\ufb33": 2, "a": []}, [True, None, 7], {}]
)
def test_canonical_json_is_that_of_rfc_8785(value):
    assert canonical(value) == canonicalize(value).encode()

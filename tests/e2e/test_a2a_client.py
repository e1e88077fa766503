"""The official A2A client against the running product: an answer, and a task that waits, is allowed, and goes on."""

import asyncio

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.signing import create_signature_verifier
from google.protobuf.json_format import MessageToDict
from jwt import PyJWK

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.test_process_by_curl import token_of

pytestmark = pytest.mark.e2e


def http_as(stack, user):
    return httpx.AsyncClient(headers={"authorization": f"Bearer {token_of(stack, user)}"}, timeout=60)


async def client_of(stack, http, binding):
    """The card is found at the public address, and its signature holds."""
    keys = {key["kid"]: key for key in (await http.get(f"{stack.url}/a2a/jwks.json")).json()["keys"]}
    verify = create_signature_verifier(lambda kid, _jku: PyJWK(keys[kid]), ["ES256"])
    card = await A2ACardResolver(http, stack.url).get_agent_card(signature_verifier=verify)
    assert {interface.url for interface in card.supported_interfaces} == {f"{stack.url}/a2a"}
    return ClientFactory(ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])).create(card)


def asked(question):
    parts = [pb.Part(text=BY_NAME[question].en)]
    return pb.SendMessageRequest(message=pb.Message(role=pb.ROLE_USER, message_id="q1", parts=parts))


def said(events):
    return "".join(part.text for event in events for part in event.artifact_update.artifact.parts)


def told(event):
    return [MessageToDict(part.data) for part in event.status_update.status.message.parts if part.HasField("data")]


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_the_official_client_follows_the_signed_card_and_streams_the_weather(stack, binding):
    async with http_as(stack, "alice") as http:
        client = await client_of(stack, http, binding)
        events = [event async for event in client.send_message(asked("weather"))]
        card = await client.get_extended_agent_card(pb.GetExtendedAgentCardRequest())
    assert "Hangzhou" in said(events)
    (result,) = [data for event in events for data in told(event) if data["type"] == "tool_result"]
    assert (result["name"], result["ok"], result["credential"]["kind"]) == ("get_weather", True, "api_key")
    assert events[-1].status_update.status.state == pb.TASK_STATE_COMPLETED
    assert "get_weather" in {skill.id for skill in card.skills}


async def test_a_task_that_waits_goes_on_in_the_open_stream_once_it_is_allowed(own_stack):
    stack = own_stack()
    async with http_as(stack, "bob") as http:
        client = await client_of(stack, http, "JSONRPC")
        stream = client.send_message(asked("time"))
        events = []
        async for event in stream:
            events.append(event)
            if event.status_update.status.state == pb.TASK_STATE_AUTH_REQUIRED:
                break
        (consent,) = told(events[-1])
        assert consent["connect_url"].startswith(f"{stack.url}/connect/")
        assert (await asyncio.to_thread(allow, stack, consent["connect_url"])) == 200
        rest = [event async for event in stream]
    (result,) = [data for event in rest for data in told(event) if data["type"] == "tool_result"]
    assert (result["name"], result["ok"], result["credential"]["user"]) == ("get_current_time", True, "bob")
    assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED


def allow(stack, connect_url):
    bob = Person(stack, "bob").sign_in()
    try:
        return bob.allow(connect_url).status_code
    finally:
        bob.close()

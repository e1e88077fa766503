"""The official A2A client against the running product: an answer, and a task that waits, is allowed, and goes on."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.signing import create_signature_verifier
from google.protobuf.json_format import MessageToDict, ParseDict
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


class Webhook:
    """A client's own server: keeps what it is told."""

    def __init__(self):
        self.told = asyncio.Queue()
        self.url = ""

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.told.put_nowait((head, json.loads(await reader.readexactly(length))))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
            yield self

    async def next(self):
        """Return the next task that is told, as the one who may."""
        async with asyncio.timeout(20):
            head, body = await self.told.get()
        assert "x-a2a-notification-token: tok" in head
        return ParseDict(body, pb.StreamResponse()).task


async def test_a_task_that_waits_goes_on_in_the_open_stream_once_it_is_allowed_and_a_webhook_hears_of_both(own_stack):
    stack = own_stack()
    async with http_as(stack, "bob") as http, Webhook().serving() as webhook:
        client = await client_of(stack, http, "JSONRPC")
        request = asked("time")
        config = pb.TaskPushNotificationConfig(url=webhook.url, token="tok")
        request.configuration.task_push_notification_config.CopyFrom(config)
        stream = client.send_message(request)
        events = []
        async for event in stream:
            events.append(event)
            if event.status_update.status.state == pb.TASK_STATE_AUTH_REQUIRED:
                break
        (consent,) = told(events[-1])
        assert consent["connect_url"].startswith(f"{stack.url}/connect/")
        waiting = await webhook.next()
        assert (waiting.id, waiting.status.state) == (events[0].task.id, pb.TASK_STATE_AUTH_REQUIRED)
        assert (await asyncio.to_thread(allow, stack, consent["connect_url"])) == 200
        rest = [event async for event in stream]
        done = await webhook.next()
    (result,) = [data for event in rest for data in told(event) if data["type"] == "tool_result"]
    assert (result["name"], result["ok"], result["credential"]["user"]) == ("get_current_time", True, "bob")
    assert rest[-1].status_update.status.state == pb.TASK_STATE_COMPLETED
    assert (done.status.state, done.artifacts[-1].parts[0].text) == (pb.TASK_STATE_COMPLETED, said(rest))


def allow(stack, connect_url):
    bob = Person(stack, "bob").sign_in()
    try:
        return bob.allow(connect_url).status_code
    finally:
        bob.close()

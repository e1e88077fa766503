"""One HTTP request through a trigger: checked, carried to the function, its answer carried back."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx2
from starlette.types import Message, Receive, Scope, Send

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.functionhost.errors import FunctionFailedError, InvocationError, RequestRefusedError
from fujie_emulator.functionhost.function import HostedFunction, new_request_id
from fujie_emulator.functionhost.http_event import HttpRequest, event_from_request, response_from_result
from fujie_emulator.functionhost.limits import (
    BODY_LIMIT,
    Header,
    body_too_large,
    check_request,
    forwarded_request,
    forwarded_response,
)
from fujie_emulator.functionhost.sessions import asked


class ClientGoneError(Exception):
    """The client closed its connection."""


class Client:
    """The client's side of a request: its body, chunk by chunk, and the moment it goes away."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.headers: list[Header] = scope["headers"]
        self._receive = receive
        self._read = asyncio.Event()
        named = dict(self.headers)
        self.has_body = named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
        if not self.has_body:
            self._read.set()
        if int(named.get(b"content-length", b"0")) > BODY_LIMIT:
            raise body_too_large(BODY_LIMIT)

    async def body(self) -> AsyncIterator[bytes]:
        """Give the body's chunks; ClientGoneError or RequestRefusedError (413) instead of its end."""
        size, more = 0, self.has_body
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > BODY_LIMIT:
                raise body_too_large(BODY_LIMIT)
            more = message.get("more_body", False)
            yield chunk
        self._read.set()

    async def gone(self) -> None:
        """Return when the client goes away after its body was read."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Answer:
    """The answer on its way to the client; remembers whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.begun = False
        self._send = send
        self._request_id = request_id

    async def begin(self, status: int, headers: list[Header]) -> None:
        """Send status and headers."""
        self.begun = True
        own = [(b"x-fc-request-id", self._request_id.encode())]
        message: Message = {"type": "http.response.start", "status": status, "headers": [*headers, *own]}
        await self._send(message)

    async def chunk(self, body: bytes) -> None:
        """Send a part of the body at once."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes = b"") -> None:
        """Send the last part."""
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, error: InvocationError) -> None:
        """Send an error as the platform words it."""
        body = error.body(self._request_id)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-fc-error-type", error.error_type.encode()),
        ]
        await self.begin(error.status, headers)
        await self.end(body)


async def refuse(send: Send, error: InvocationError) -> None:
    """Answer a request that no function will see."""
    await Answer(send, new_request_id()).refuse(error)


async def exchange(cloud: Cloud, function: HostedFunction, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one HTTP request with the function.

    Once the answer has begun, a failure can only cut it off: returning early makes the server do so.
    """
    request_id = new_request_id()
    answer = Answer(send, request_id)
    try:
        check_request(scope["method"], scope["path"], target_of(scope), scope["headers"])
        client = Client(scope, receive)
        with function.counted():
            if function.spec.is_custom:
                await _unless_gone(client, _forward(function, scope, client, answer, request_id))
            else:
                await _call(cloud, function, scope, client, answer, request_id)
    except InvocationError as error:
        if not answer.begun:
            await answer.refuse(error)
    except ClientGoneError:
        return


async def _unless_gone(client: Client, work: Coroutine[Any, Any, None]) -> None:
    """Run the work; end it when the client goes away, which closes the connection to the instance."""
    task, gone = asyncio.create_task(work), asyncio.create_task(client.gone())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.wait({task, gone})
    if not task.cancelled():
        task.result()


async def _forward(function: HostedFunction, scope: Scope, client: Client, answer: Answer, request_id: str) -> None:
    """Carry the request to a custom runtime and stream its answer; the end is sent once the lease is back.

    An instance that takes no connection any more got nothing of the request, so another one may have it.
    """
    try:
        await _forward_once(function, scope, client, answer, request_id)
    except httpx2.ConnectError:
        try:
            await _forward_once(function, scope, client, answer, request_id)
        except httpx2.ConnectError as error:
            raise FunctionFailedError("CAExited", "the function takes no connections") from error
    await answer.end()


async def _forward_once(
    function: HostedFunction, scope: Scope, client: Client, answer: Answer, request_id: str
) -> None:
    session = asked(function.spec.affinity, client.headers)
    async with function.custom.lease(function.wait_s, session.session) as instance, function.limited():
        headers = forwarded_request(client.headers) + function.common_headers(instance.key, request_id, "/http-invoke")
        content = client.body() if client.has_body else None
        try:
            async with instance.request(scope["method"], target_of(scope), headers, content) as response:
                await answer.begin(response.status_code, [*forwarded_response(response.headers.raw), *session.told])
                async for chunk in response.aiter_raw():
                    await answer.chunk(chunk)
        except httpx2.LocalProtocolError as error:
            raise RequestRefusedError("InvalidArgument", 400, f"the request is malformed: {error}") from error
        except httpx2.ConnectError:
            raise
        except httpx2.TransportError as error:
            raise FunctionFailedError("CAExited", "the function closed the connection in mid-answer") from error


async def _call(
    cloud: Cloud, function: HostedFunction, scope: Scope, client: Client, answer: Answer, request_id: str
) -> None:
    """Call a built-in handler; it is not told when the client goes away, as in FC."""
    body = b"".join([chunk async for chunk in client.body()])
    request = HttpRequest(
        method=scope["method"],
        path=scope["path"],
        raw_path=scope["raw_path"],
        query=scope["query_string"],
        headers=tuple(forwarded_request(client.headers)),
        body=body,
        source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
    )
    domain = f"{function.spec.name}.{cloud.region}.fcapp.run"
    event = event_from_request(
        request, account_id=cloud.account_id, domain=domain, request_id=request_id, now=cloud.clock.now()
    )
    response = response_from_result(await function.call_handler(event, request_id))
    length = (b"content-length", str(len(response.body)).encode())
    await answer.begin(response.status, [*forwarded_response(response.headers), length])
    await answer.end(b"" if scope["method"] == "HEAD" else response.body)


def target_of(scope: Scope) -> bytes:
    """Return path and query as they came."""
    query = scope["query_string"]
    return bytes(scope["raw_path"] + (b"?" + query if query else b""))

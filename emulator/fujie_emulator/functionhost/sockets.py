"""One web socket through a trigger: the instance takes or refuses the handshake, then messages go both ways.

A socket is one request of its instance: it holds a place there, and ends with the function's timeout.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from fujie_emulator.functionhost.errors import FunctionFailedError, InvocationError, RequestRefusedError
from fujie_emulator.functionhost.exchange import refuse, target_of
from fujie_emulator.functionhost.function import HostedFunction, new_request_id
from fujie_emulator.functionhost.limits import Header, check_request, forwarded_request, forwarded_response
from fujie_emulator.functionhost.sessions import asked

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

MESSAGE_LIMIT = 32 * 1024 * 1024
_HANDSHAKE_S = 20.0
_GOING_AWAY = 1001
_BROKEN = 1011
_RESERVED = frozenset({1005, 1006, 1015})
"""Codes that say how a connection ended, and that nobody may send."""


async def bridge(function: HostedFunction, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one web socket with the function."""
    request_id = new_request_id()
    try:
        check_request("GET", scope["path"], target_of(scope), scope["headers"])
        if not function.spec.is_custom:
            raise RequestRefusedError("WebSocketNotSupported", 400, "built-in runtimes take no web sockets")
        with function.counted():
            session = asked(function.spec.affinity, scope["headers"])
            async with function.custom.lease(function.wait_s, session.session) as instance, function.limited():
                key = instance.key
                headers = _own(scope) + function.common_headers(key, request_id, "/http-invoke")
                await _carry(instance.port, headers, scope, receive, send, request_id, session.told)
    except InvocationError as error:
        await refuse_socket(scope, send, error, request_id)


async def refuse_either(scope: Scope, send: Send, error: InvocationError) -> None:
    """Answer a request, or a handshake, that no function will see."""
    if scope["type"] == "websocket":
        await refuse_socket(scope, send, error, new_request_id())
    else:
        await refuse(send, error)


async def refuse_socket(scope: Scope, send: Send, error: InvocationError, request_id: str) -> None:
    """Answer a handshake as the platform words an error; a socket that is open is closed."""
    headers = [(b"content-type", b"application/json"), (b"x-fc-error-type", error.error_type.encode())]
    await _deny(scope, send, error.status, headers, error.body(request_id), request_id)


async def _carry(
    port: int,
    headers: list[Header],
    scope: Scope,
    receive: Receive,
    send: Send,
    request_id: str,
    told: tuple[Header, ...],
) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    host = dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
    await receive()
    try:
        connecting = connect(
            f"ws://{host}{target_of(scope).decode('latin-1')}",
            host="127.0.0.1",
            port=port,
            additional_headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
            subprotocols=scope.get("subprotocols") or None,
            user_agent_header=None,
            compression=None,
            open_timeout=_HANDSHAKE_S,
            ping_interval=None,
            max_size=MESSAGE_LIMIT,
            proxy=None,
        )
        async with connecting as instance:
            own = [(b"x-fc-request-id", request_id.encode()), *told]
            await send({"type": "websocket.accept", "subprotocol": instance.subprotocol, "headers": own})
            await _both_ways(instance, receive, send)
    except InvalidStatus as refusal:
        answer = refusal.response
        kept = forwarded_response(
            [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.raw_items()]
        )
        await _deny(scope, send, answer.status_code, kept, bytes(answer.body or b""), request_id)
    except (OSError, InvalidHandshake) as error:
        raise FunctionFailedError("CAExited", "the function takes no web sockets") from error


async def _both_ways(instance: "ClientConnection", receive: Receive, send: Send) -> None:
    tasks = [asyncio.create_task(_up(instance, receive)), asyncio.create_task(_down(instance, send))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await instance.close(_GOING_AWAY)


async def _up(instance: "ClientConnection", receive: Receive) -> None:
    """Hand on what the client says, until it goes away."""
    while (message := await receive())["type"] == "websocket.receive":
        said = message.get("text")
        await instance.send(message["bytes"] if said is None else said)


async def _down(instance: "ClientConnection", send: Send) -> None:
    """Hand on what the instance says, and how it ends the socket."""
    from websockets.exceptions import ConnectionClosedError

    with suppress(ConnectionClosedError):
        async for message in instance:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    code = instance.close_code or _BROKEN
    reason = instance.close_reason or ""
    await send({"type": "websocket.close", "code": _BROKEN if code in _RESERVED else code, "reason": reason})


async def _deny(scope: Scope, send: Send, status: int, headers: list[Header], body: bytes, request_id: str) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _BROKEN})
        return
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    own = [(b"content-length", str(len(body)).encode()), (b"x-fc-request-id", request_id.encode())]
    start: dict[str, Any] = {"type": "websocket.http.response.start", "status": status, "headers": [*kept, *own]}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


def _own(scope: Scope) -> list[Header]:
    """Return the client's headers without the handshake's: the connection to the instance has its own."""
    return [
        (name, value)
        for name, value in forwarded_request(scope["headers"])
        if name.lower() != b"host" and not name.lower().startswith(b"sec-websocket-")
    ]

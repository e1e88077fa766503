"""Web sockets through a trigger and the origin, to a custom runtime and back, with the official client."""

import asyncio
import json

import pytest
import websockets

from fujie_emulator.functionhost.routing import RouteTable
from tests.emulator.functionhost.conftest import Declare, until

SOCKET_APP = """
import json, os

async def app(scope, receive, send):
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"no token")]})
        await send({"type": "websocket.http.response.body", "body": b"nobody"})
        return
    await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    seen = {"path": scope["path"], "query": scope["query_string"].decode(),
            "headers": {n.decode(): v.decode() for n, v in scope["headers"]}}
    await send({"type": "websocket.send", "text": json.dumps(seen)})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "as you say"})
            return
        if message.get("text") == "exit":
            os._exit(7)
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
    print("client gone", flush=True)

import uvicorn
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["FC_CUSTOM_LISTEN_PORT"]), lifespan="off", log_level="error",
            ws="websockets-sansio")
"""


@pytest.fixture
async def function(custom: Declare, write_code):
    write_code("sockets", socket_app=SOCKET_APP)
    return await custom("sockets", command=["python", "socket_app.py"])


def address(function, path="/ws"):
    return f"ws://127.0.0.1:{function.spec.trigger_port}{path}"


async def test_messages_go_both_ways_in_order(function):
    async with websockets.connect(address(function, "/ws?a=1"), subprotocols=["one"]) as socket:
        seen = json.loads(await socket.recv())
        for message in ("text 世界", b"\x00\xff", "x" * 100_000):
            await socket.send(message)
            assert await socket.recv() == message
        assert socket.subprotocol == "one"
        assert socket.response.headers["x-fc-request-id"] == seen["headers"]["x-fc-request-id"]
    assert (seen["path"], seen["query"]) == ("/ws", "a=1")
    assert seen["headers"]["x-fc-control-path"] == "/http-invoke"
    assert seen["headers"]["host"] == f"127.0.0.1:{function.spec.trigger_port}"


async def test_the_origin_leads_sockets_to_their_function(function, host):
    port = await host.route(RouteTable((("/ws", "sockets"), ("/gone", "nobody"))), None)
    async with websockets.connect(
        f"ws://localhost:{port}/ws", additional_headers={"authorization": "Bearer t"}
    ) as socket:
        assert json.loads(await socket.recv())["headers"]["authorization"] == "Bearer t"
    for path in ("/gone", "/elsewhere"):
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await websockets.connect(f"ws://localhost:{port}{path}")
        assert refusal.value.response.status_code == 404


async def test_a_refusal_is_the_functions_own(function):
    with pytest.raises(websockets.InvalidStatus) as refusal:
        await websockets.connect(address(function, "/refused"))
    answer = refusal.value.response
    assert (answer.status_code, answer.headers["x-why"], answer.body) == (401, "no token", b"nobody")


async def test_either_side_may_close(function):
    socket = await websockets.connect(address(function))
    await socket.send("bye")
    await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (4001, "as you say")
    async with websockets.connect(address(function)):
        assert function.status()["in_flight"] == 1
    await until(lambda: function.status()["in_flight"] == 0)
    await until(lambda: "client gone" in function.log_tail())


async def test_a_function_that_ends_closes_its_sockets(function):
    async with websockets.connect(address(function)) as socket:
        await socket.recv()
        await socket.send("exit")
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)


@pytest.mark.parametrize(
    ("path", "headers", "status"), [("/invoke", {}, 404), ("/ws", {"x-fc-control-path": "/invoke"}, 400)]
)
async def test_what_belongs_to_the_platform_is_refused(function, path, headers, status):
    with pytest.raises(websockets.InvalidStatus) as refusal:
        await websockets.connect(address(function, path), additional_headers=headers)
    assert refusal.value.response.status_code == status


async def test_built_in_runtimes_take_no_web_sockets(builtin: Declare):
    function = await builtin("def handler(event, context):\n    return ''\n")
    with pytest.raises(websockets.InvalidStatus) as refusal:
        await websockets.connect(address(function))
    assert refusal.value.response.status_code == 400

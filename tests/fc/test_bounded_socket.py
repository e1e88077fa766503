"""Web sockets whose clients send without end and read nothing."""

import asyncio

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from fujie.fc.bounded_socket import MAX_FRAMES, BoundedSocket
from tests.fc.test_bounded_head import Wire

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\n\r\n"
)
TEXT, CONT, PING = 1, 0, 9


def frame(opcode, data=b"", *, last=True):
    return bytes([opcode | (0x80 if last else 0), 0x80 | len(data)]) + bytes(4) + data


async def listen(scope, receive, send):
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.fixture
async def connection():
    config = Config(listen, lifespan="off", log_config=None, ws_ping_interval=None)
    config.load()
    protocol, wire = BoundedSocket(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)
    protocol.data_received(HANDSHAKE)
    while b"101" not in wire.written:
        await asyncio.sleep(0)
    wire.written = b""
    yield protocol, wire
    protocol.connection_lost(None)
    await asyncio.gather(*protocol.tasks)


async def test_pings_are_answered_while_somebody_reads_the_answers(connection):
    protocol, wire = connection
    protocol.data_received(frame(PING, b"a"))
    assert wire.written == b"\x8a\x01a"
    protocol.pause_writing()
    for _ in range(1000):
        protocol.data_received(frame(PING, b"b"))
    assert wire.written == b"\x8a\x01a"
    protocol.resume_writing()
    protocol.data_received(frame(PING, b"c"))
    assert wire.written == b"\x8a\x01a\x8a\x01c"


async def test_a_message_of_empty_frames_without_end_is_refused(connection):
    protocol, wire = connection
    protocol.data_received(frame(TEXT, last=False))
    for _ in range(MAX_FRAMES):
        protocol.data_received(frame(CONT, last=False))
    assert wire.closed
    assert wire.written.endswith(b"\x88\x02\x03\xf1")

"""A head that never ends, as a connection sends it."""

import asyncio
from contextvars import ContextVar
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from fujie.fc.bounded_head import HEAD_S, MAX_HEAD_BYTES, BoundedHead


class Wire(asyncio.Transport):
    """What the server wrote, and whether it ended the connection."""

    def __init__(self):
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data):
        if not self.closed:
            self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self): ...
    def resume_reading(self): ...

    def get_extra_info(self, name, default=None):
        return default


SEEN = ContextVar("seen", default=b"nothing")


async def telling(scope, receive, send):
    """Tell what the requests before have left behind, and leave something."""
    body = SEEN.get()
    SEEN.set(scope["path"].encode())
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"[" + body + b"]"})


async def echo(scope, receive, send):
    message, size = await receive(), 0
    while message["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture
async def connection(request):
    config = Config(getattr(request, "param", echo), lifespan="off", log_config=None)
    config.load()
    protocol = BoundedHead(config, ServerState(), {})
    wire = Wire()
    protocol.connection_made(wire)
    yield protocol, wire
    protocol.connection_lost(None)


async def told(protocol_class, pieces):
    """Return what an application was asked, and what the client got, over a connection of this kind."""
    seen = []

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        seen.append(({name: scope[name] for name in scope if name != "state"}, body))
        await echo(scope, Once(body), send)

    config = Config(app, lifespan="off", log_config=None)
    config.load()
    protocol, wire = protocol_class(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)
    for piece in pieces:
        if not wire.closed:
            protocol.data_received(piece)
        for _ in range(3):
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return seen, wire.written, wire.closed


class Once:
    def __init__(self, body):
        self.body = body

    async def __call__(self):
        return {"type": "http.request", "body": self.body, "more_body": False}


TARGETS = st.builds(
    lambda begin, rest: begin + bytes(rest),
    st.sampled_from([b"/", b"//", b"http://a/", b"*", b"/%41"]),
    st.lists(st.integers(0, 255) | st.sampled_from(b"?#%/:@"), max_size=6),
)
BODIES = st.sampled_from(
    [
        b"\r\n",
        b"content-length: 0\r\n\r\n",
        b"content-length: 11\r\n\r\nhello world",
        b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n",
        b"expect: 100-continue\r\ncontent-length: 2\r\n\r\nab",
        b"upgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        b"connection: close\r\n\r\n",
        b"broken\r\n\r\n",
    ]
)


@given(
    st.lists(st.tuples(st.sampled_from([b"GET", b"POST", b"HEAD"]), TARGETS, BODIES), min_size=1, max_size=2),
    st.sampled_from([b"1.1", b"1.1", b"1.0"]),
    st.sets(st.integers(1, 150), max_size=5),
)
def test_requests_are_read_and_answered_as_uvicorn_does_it(requests, version, cuts):
    sent = b"".join(
        method + b" " + target + b" HTTP/" + version + b"\r\nhost: a\r\nX-Y: z\r\n" + rest
        for method, target, rest in requests
    )
    places = [0, *sorted(cuts), len(sent)]
    pieces = [sent[begin:end] for begin, end in pairwise(places) if sent[begin:end]]
    theirs = asyncio.run(told(HttpToolsProtocol, pieces))
    assert asyncio.run(told(BoundedHead, pieces)) == theirs


FLOODS = {
    "headers": (b"GET / HTTP/1.1\r\n", b"x: " + b"y" * 1000 + b"\r\n"),
    "one header": (b"GET / HTTP/1.1\r\nx: ", b"y" * 1000),
    "address": (b"GET /", b"y" * 1000),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_head_without_end_is_refused_before_it_fills_the_memory(connection, flood):
    protocol, wire = connection
    begin, piece = flood
    protocol.data_received(begin)
    for sent in range(0, MAX_HEAD_BYTES + 1, len(piece)):
        assert not wire.closed, sent
        protocol.data_received(piece)
    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 431 ")


async def test_an_address_that_is_longer_than_addresses_are_is_refused(connection):
    protocol, wire = connection
    protocol.data_received(b"GET /" + b"y" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nhost: a\r\n\r\n")
    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert wire.closed


async def test_what_follows_a_body_is_bounded_too(connection):
    protocol, wire = connection
    protocol.data_received(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")
    protocol.data_received(b"x: " + b"y" * MAX_HEAD_BYTES)
    assert wire.closed


async def test_a_long_body_and_many_requests_pass(connection):
    protocol, wire = connection
    for _ in range(3):
        protocol.data_received(b"POST / HTTP/1.1\r\ncontent-length: 200000\r\nx: " + b"y" * 30_000 + b"\r\n\r\n")
        for _ in range(20):
            protocol.data_received(b"z" * 10_000)
            await asyncio.sleep(0)
        while not protocol.cycle.response_complete:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.written.count(b"200000") == 3
    assert not wire.closed


async def test_a_head_that_stops_halfway_is_given_up_and_a_whole_one_is_not(connection):
    protocol, wire = connection
    waits = []

    class Timer:
        def cancel(self):
            waits.clear()

    class Loop:
        def call_later(self, seconds, call, *arguments):
            waits.append((seconds, call, arguments))
            return Timer()

        def __getattr__(self, name):
            return getattr(asyncio.get_running_loop(), name)

    protocol.loop = Loop()
    protocol.data_received(b"GET / HTT")
    protocol.data_received(b"P/1.1\r\n")
    [(seconds, _, _)] = waits
    assert seconds == HEAD_S
    protocol.data_received(b"\r\n")
    assert not waits
    while not protocol.cycle.response_complete:
        await asyncio.sleep(0)
    waits.clear()
    protocol.data_received(b"GET /")
    [(_, call, arguments)] = waits
    call(*arguments)
    assert wire.closed


@pytest.mark.parametrize("connection", [telling], indirect=True)
async def test_requests_of_one_connection_inherit_nothing_from_each_other(connection):
    protocol, wire = connection
    protocol.data_received(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(3)))
    async with asyncio.timeout(5):
        while wire.written.count(b"[") < 3:
            await asyncio.sleep(0)
    assert wire.written.count(b"[nothing]") == 3


class Hours:
    """A loop whose timers end when the test says so."""

    def __init__(self):
        self.now, self.timers = 1000.0, []

    def time(self):
        return self.now

    def call_later(self, seconds, call, *arguments):
        timer = asyncio.TimerHandle(self.now + seconds, call, arguments, asyncio.get_running_loop())
        self.timers.append(timer)
        return timer

    def pass_to(self, now):
        self.now = now
        for timer in [timer for timer in self.timers if timer.when() <= now]:
            self.timers.remove(timer)
            if not timer.cancelled():
                timer._run()

    def __getattr__(self, name):
        return getattr(asyncio.get_running_loop(), name)


async def asked(protocol):
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    while not protocol.cycle.response_complete:
        await asyncio.sleep(0)


@pytest.fixture
async def idle(connection):
    """A connection that has answered, at 1000 s, and the time."""
    protocol, wire = connection
    hours = protocol.loop = Hours()
    protocol.timeout_keep_alive = 60
    await asked(protocol)
    return protocol, wire, hours


async def test_a_connection_is_closed_when_nothing_was_asked_for_as_long_as_it_is_kept(idle):
    protocol, wire, hours = idle
    hours.pass_to(1030)
    await asked(protocol)
    hours.pass_to(1061)
    assert not wire.closed
    hours.pass_to(1091)
    assert wire.closed


async def test_a_connection_on_which_an_answer_is_under_way_is_not_closed(idle):
    protocol, wire, hours = idle
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n1")
    hours.pass_to(1061)
    assert not wire.closed
    protocol.data_received(b"2")
    while not protocol.cycle.response_complete:
        await asyncio.sleep(0)
    hours.pass_to(1120)
    assert not wire.closed
    hours.pass_to(1182)
    assert wire.closed


async def test_a_connection_has_one_timer_whatever_is_asked_on_it(idle):
    protocol, _, hours = idle
    for _ in range(5):
        await asked(protocol)
    assert len(hours.timers) == 1


async def test_a_connection_that_became_a_web_socket_is_not_closed_for_its_silence(idle):
    protocol, wire, hours = idle

    class Socket(asyncio.Protocol):
        def __init__(self, **_): ...

    protocol.ws_protocol_class = Socket
    wire.set_protocol = lambda _protocol: None
    protocol.data_received(b"GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    hours.pass_to(5000)
    assert not wire.closed


async def test_a_connection_on_which_a_body_still_comes_is_not_closed(idle):
    protocol, wire, hours = idle

    async def hasty(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    protocol.app = hasty
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n1")
    while not protocol.cycle.response_complete:
        await asyncio.sleep(0)
    hours.pass_to(1050)
    protocol.data_received(b"2")
    hours.pass_to(1070)
    assert not wire.closed


async def test_an_answer_whose_connection_is_lost_leaves_no_timer_behind(connection):
    protocol, wire = connection
    hours = protocol.loop = Hours()
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")
    wire.closed = True
    protocol.connection_lost(ConnectionResetError())
    for _ in range(10):
        await asyncio.sleep(0)
    assert [timer for timer in hours.timers if not timer.cancelled()] == []

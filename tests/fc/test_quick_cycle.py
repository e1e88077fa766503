"""The short way of an answer beside uvicorn's own: the same bytes for the same messages, whatever they are."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fujie.fc.quick_cycle import QuickCycle

DATE = (b"date", b"Sat, 21 Nov 2026 20:00:00 GMT")
LOG = logging.getLogger("tests.silent")
NAMES = [
    b"content-type",
    b"cache-control",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"set-cookie",
    b"a b",
]
VALUES = [b"text/event-stream", b"no-cache", b"keep-alive", b"close", b"3", b"chunked", b"x\r\ny: z", b""]


class Wire:
    """What was written, whether it was closed, and how often an answer was complete."""

    def __init__(self):
        self.written, self.closed, self.completed = b"", False, 0

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def complete(self):
        self.completed += 1


def connection(wire, method, *, keep_alive, expects):
    return SimpleNamespace(
        scope={"method": method, "http_version": "1.1"},
        parser=SimpleNamespace(should_keep_alive=lambda: keep_alive),
        transport=wire,
        flow=FlowControl(wire),
        logger=LOG,
        access_logger=LOG,
        access_log=False,
        server_state=SimpleNamespace(default_headers=[DATE]),
        expect_100_continue=expects,
        on_response_complete=wire.complete,
    )


def cycles(method="GET", *, keep_alive=True, expects=False):
    """Return uvicorn's cycle and ours, each with its wire."""
    for make in (of_uvicorn, QuickCycle):
        wire = Wire()
        yield make(connection(wire, method, keep_alive=keep_alive, expects=expects)), wire


def of_uvicorn(made):
    names = ("scope", "transport", "flow", "logger", "access_logger", "access_log", "expect_100_continue")
    return RequestResponseCycle(
        **{name: getattr(made, name) for name in names},
        default_headers=made.server_state.default_headers,
        message_event=asyncio.Event(),
        keep_alive=made.parser.should_keep_alive(),
        on_response=made.on_response_complete,
    )


def start(headers, status=200):
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body, *, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def said(cycle, messages):
    """Return the kind of error that ended the messages, if one did."""
    try:
        for message in messages:
            await cycle.send(message)
    except (RuntimeError, ValueError, TypeError) as error:
        return type(error).__name__
    return ""


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3),
    st.sampled_from([200, 200, 204, 304, 404]),
    st.lists(st.sampled_from([b"", b"abc", b"x" * 300]), max_size=3),
    st.booleans(),
    st.sampled_from(["GET", "POST", "HEAD"]),
    st.booleans(),
)
def test_an_answer_is_the_bytes_that_uvicorn_would_send(headers, status, pieces, is_ended, method, keep_alive):
    messages = [start(headers, status), *map(piece, pieces), *([piece(b"end", more=False)] if is_ended else [])]

    async def both():
        return [
            (await said(cycle, messages), wire.written, wire.closed, wire.completed, cycle.response_complete)
            for cycle, wire in cycles(method, keep_alive=keep_alive)
        ]

    theirs, ours = asyncio.run(both())
    if pieces or is_ended:
        assert ours == theirs
    else:  # a head waits for the first piece
        assert (ours[0], ours[2:]) == (theirs[0], theirs[2:])
        assert theirs[1].startswith(ours[1])


async def test_headers_in_lists_are_taken_as_well():
    for cycle, wire in cycles():
        await said(cycle, [start([[b"content-type", b"text/plain"]]), piece(b"a", more=False)])
        assert wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
        assert wire.completed == 1


async def test_headers_that_can_be_read_once_alone_are_all_sent():
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"content-length", b"2")]
    for cycle, wire in cycles():
        await said(cycle, [start(iter(headers)), piece(b"ok", more=False)])
        assert b"set-cookie: a=1\r\n" in wire.written
        assert b"content-length: 2\r\n" in wire.written


async def failing(_scope, _receive, send):
    await send(start([(b"content-type", b"text/event-stream")]))
    raise LookupError


async def stopping(_scope, _receive, send):
    await send(start([(b"content-type", b"text/event-stream")]))


async def beginning_twice(_scope, _receive, send):
    await send(start([]))
    await send(start([]))


@pytest.mark.parametrize("app", [failing, stopping, beginning_twice])
async def test_an_application_that_ends_before_its_first_piece_is_said_to_have_failed(app):
    [_, (cycle, wire)] = cycles()
    await cycle.run_asgi(app)
    assert wire.written.startswith(b"HTTP/1.1 500 ")
    assert wire.completed == 1


async def test_a_date_is_not_kept_for_later():
    [_, (cycle, wire)] = cycles()
    cycle.default_headers = [(b"date", b"later")]
    await said(cycle, [start([]), piece(b"a", more=False)])
    assert b"date: later\r\n" in wire.written


@pytest.mark.parametrize("message", [piece(b"again", more=False), start([])])
async def test_nothing_is_said_after_the_end(message):
    [_, (cycle, wire)] = cycles()
    await said(cycle, [start([]), piece(b"a", more=False)])
    before = wire.written
    assert await said(cycle, [message]) == "RuntimeError"
    assert wire.written == before


async def test_a_client_that_went_away_is_told_nothing():
    [_, (cycle, wire)] = cycles()
    cycle.disconnected = True
    assert await said(cycle, [start([]), piece(b"a", more=False)]) == ""
    assert wire.written == b""


async def test_a_writer_waits_until_the_client_reads_and_its_head_comes_first():
    [_, (cycle, wire)] = cycles()
    await cycle.send(start([]))
    cycle.flow.pause_writing()
    writing = asyncio.create_task(cycle.send(piece(b"a", more=False)))
    await asyncio.sleep(0)
    assert wire.written == b""
    cycle.flow.resume_writing()
    await asyncio.wait_for(writing, 5)
    assert wire.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.written.endswith(b"1\r\na\r\n0\r\n\r\n")


async def test_a_body_comes_in_the_pieces_that_are_there_and_then_the_disconnect():
    for cycle, wire in cycles():
        cycle.body += b"ab"
        cycle.message_event.set()
        assert await cycle.receive() == {"type": "http.request", "body": b"ab", "more_body": True}
        waiting = asyncio.create_task(cycle.receive())
        await asyncio.sleep(0)
        cycle.more_body = False
        cycle.message_event.set()
        assert await asyncio.wait_for(waiting, 5) == {"type": "http.request", "body": b"", "more_body": False}
        await said(cycle, [start([]), piece(b"", more=False)])
        assert await cycle.receive() == {"type": "http.disconnect"}
        assert wire.completed == 1


async def test_a_body_that_comes_piece_by_piece_is_whole_whoever_waits_for_it():
    [_, (cycle, _)] = cycles()
    assert [cycle.take(b"a"), cycle.take(b"bc"), cycle.take(b"d")] == [1, 3, 4]
    assert await cycle.receive() == {"type": "http.request", "body": b"abcd", "more_body": True}
    waiting = asyncio.create_task(cycle.receive())
    await asyncio.sleep(0)
    cycle.take(b"e")
    assert (await asyncio.wait_for(waiting, 5))["body"] == b"e"
    cycle.take(b"f")
    cycle.take_end()
    assert await cycle.receive() == {"type": "http.request", "body": b"f", "more_body": False}
    cycle.disconnected = True
    cycle.message_event.set()
    assert await asyncio.wait_for(cycle.receive(), 5) == {"type": "http.disconnect"}


async def test_who_asks_whether_to_go_on_is_told_so_when_the_body_is_wanted():
    for cycle, wire in cycles(expects=True):
        cycle.message_event.set()
        await cycle.receive()
        assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"

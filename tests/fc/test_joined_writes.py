"""Writes of one turn go out together, and none is kept beyond it."""

import asyncio
from contextvars import ContextVar, copy_context

from fujie.fc import joined_writes
from fujie.fc.joined_writes import JoinedWrites


class Wire:
    def __init__(self):
        self.log = []

    def write(self, data):
        self.log.append(data)

    def close(self):
        self.log.append("closed")

    def is_closing(self):
        return False


async def test_what_is_written_in_one_turn_is_one_piece():
    wire = Wire()
    transport = JoinedWrites(wire, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.log == []
    await asyncio.sleep(0)
    assert wire.log == [b"head body"]
    transport.write(b"more")
    await asyncio.sleep(0)
    assert wire.log == [b"head body", b"more"]


async def test_much_is_not_kept_and_a_close_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(joined_writes, "MAX_HELD_BYTES", 5)
    wire = Wire()
    transport = JoinedWrites(wire, asyncio.get_running_loop())
    transport.write(b"123456")
    assert wire.log == [b"123456"]
    transport.write(b"7")
    transport.close()
    assert wire.log == [b"123456", b"7", "closed"]
    await asyncio.sleep(0)
    assert wire.log == [b"123456", b"7", "closed"]
    assert transport.is_closing() is False


async def test_a_connection_that_cannot_be_written_to_does_not_keep_the_others_from_it(monkeypatch):
    loop, told = asyncio.get_running_loop(), []
    monkeypatch.setattr(loop, "call_exception_handler", told.append)
    wires = [Wire(), Wire(), Wire()]
    wires[1].write = None
    for wire in wires:
        JoinedWrites(wire, loop).write(b"words")
    await asyncio.sleep(0)
    assert [wire.log for wire in wires] == [[b"words"], [], [b"words"]]
    assert [type(fault["exception"]) for fault in told] == [TypeError]


REQUEST = ContextVar("request", default="none")


async def test_a_fault_of_a_connection_is_told_without_another_ones_request(monkeypatch):
    loop, told = asyncio.get_running_loop(), []
    monkeypatch.setattr(loop, "call_exception_handler", lambda _fault: told.append(REQUEST.get()))
    wires = [Wire(), Wire()]
    wires[1].write = None
    for name, wire in zip(("alice's", "bob's"), wires, strict=True):
        context = copy_context()
        context.run(REQUEST.set, name)
        context.run(JoinedWrites(wire, loop).write, b"words")
    await asyncio.sleep(0)
    assert told == ["none"]


async def test_what_is_said_to_a_client_that_has_gone_is_dropped():
    wire = Wire()
    transport = JoinedWrites(wire, asyncio.get_running_loop())
    transport.write(b"words")
    wire.is_closing = lambda: True
    await asyncio.sleep(0)
    transport.close()
    assert wire.log == ["closed"]


class Loop:
    """The running loop, with a clock that the test sets."""

    def __init__(self):
        self.at = 0.0
        self.call_soon = asyncio.get_running_loop().call_soon

    def time(self):
        return self.at


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_answer_that_goes_on_turn_after_turn_is_written_every_few_turns():
    wire, loop = Wire(), Loop()
    transport = JoinedWrites(wire, loop)
    for index in range(10):
        transport.write(b"%d" % index)
        await asyncio.sleep(0)
    await turns(joined_writes.STREAM_TURNS)
    assert wire.log == [b"0", b"1", b"2345", b"6789"]


async def test_what_comes_after_a_silence_or_begins_another_answer_is_written_at_once():
    wire, loop = Wire(), Loop()
    transport = JoinedWrites(wire, loop)
    for word in (b"a", b"b"):
        transport.write(word)
        await asyncio.sleep(0)
    loop.at += joined_writes.STREAM_PAUSE_S
    transport.write(b"c")
    await asyncio.sleep(0)
    transport.begin()
    transport.write(b"d")
    await asyncio.sleep(0)
    assert wire.log == [b"a", b"b", b"c", b"d"]

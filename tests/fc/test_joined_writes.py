"""Writes of one turn go out together, and none is kept beyond it."""

import asyncio

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

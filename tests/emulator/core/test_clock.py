import struct
import time
from datetime import UTC, datetime, timedelta

import pytest

from fujie_emulator.core.clock import Clock, iso
from fujie_emulator.core.store import Store


def test_the_clock_moves_and_stays_moved_after_a_restart(tmp_path):
    store = Store(tmp_path)
    clock = Clock(store)
    clock.advance(600)
    clock.advance(-100.5)
    assert clock.time() - time.time() == pytest.approx(499.5, abs=1)
    store.close()
    store = Store(tmp_path)
    assert Clock(store).offset_s == 499.5
    store.close()


def test_the_offset_is_published_in_place_as_a_double(tmp_path):
    store = Store(tmp_path)
    clock = Clock(store)
    before = clock.offset_path.stat().st_ino
    clock.advance(42.25)
    assert clock.offset_path.read_bytes() == struct.pack("<d", 42.25)
    assert clock.offset_path.stat().st_ino == before
    store.close()


def test_a_moment_is_written_as_the_cloud_writes_it():
    moment = datetime(2026, 11, 20, 23, 20, 37, 999, UTC)
    assert iso(moment) == "2026-11-20T23:20:37Z"
    assert iso(moment.astimezone(tz=None) + timedelta(0)) == "2026-11-20T23:20:37Z"

"""The cloud's own time, which a test may move."""

import os
import struct
import time
from datetime import UTC, datetime

from fujie_emulator.core.store import Store

_OFFSET = struct.Struct("<d")


class Clock:
    """Real time plus an offset that survives a restart.

    The offset is also kept as a little-endian double in `{state}/clock-offset`; the file is written in place,
    because the function host's processes keep it mapped.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.offset_path = store.directory / "clock-offset"
        self.offset_s = 0.0
        self.reload()

    def reload(self) -> None:
        """Take the offset that the store holds."""
        self.offset_s = float((self._store.get("core", "clock", "offset") or {}).get("seconds", 0.0))
        self._publish()

    def time(self) -> float:
        """Return the epoch seconds of the cloud."""
        return time.time() + self.offset_s

    def now(self) -> datetime:
        """Return the moment of the cloud, aware, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move the time; for everyone who asks this clock, and for the functions, at once."""
        self.offset_s += seconds
        self._store.put("core", "clock", "offset", {"seconds": self.offset_s})
        self._publish()

    def _publish(self) -> None:
        descriptor = os.open(self.offset_path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.pwrite(descriptor, _OFFSET.pack(self.offset_s), 0)
        finally:
            os.close(descriptor)


def iso(moment: datetime) -> str:
    """Write a moment the way the cloud does: 2026-11-20T23:20:37Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

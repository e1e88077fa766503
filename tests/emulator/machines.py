"""What state machines of hypothesis share: one cloud for all their runs, on a clock that they alone move."""

import contextlib
import tempfile
from pathlib import Path

from hypothesis import settings

from fujie_emulator.core.opening import open_cloud

SETTINGS = settings(max_examples=60, stateful_step_count=30, deadline=None, database=None)


@contextlib.contextmanager
def cloud_for(machine):
    """Give the machine's class a cloud and its clock, as `cloud` and `now`; runs follow each other in its time."""
    with tempfile.TemporaryDirectory() as folder:
        machine.cloud = open_cloud(Path(folder), "http://127.0.0.1:18091")
        machine.now = [1_000_000.0]
        machine.cloud.clock.time = lambda: machine.now[0]
        try:
            yield machine.cloud
        finally:
            machine.cloud.store.close()

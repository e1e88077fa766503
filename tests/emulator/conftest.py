"""What every emulator test may ask for."""

import pytest

from fujie_emulator.core.opening import open_cloud


@pytest.fixture
def cloud(tmp_path):
    """A cloud in this process, on state of its own."""
    cloud = open_cloud(tmp_path / "cloud", "http://127.0.0.1:18091")
    yield cloud
    cloud.store.close()

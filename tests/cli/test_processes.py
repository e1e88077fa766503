import socket
import sys

import pytest

from fujie.cli.errors import NotStartedError, PortInUseError
from fujie.cli.processes import Child, check_ports, wait_for_file


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} is in use"):
            check_ports([port])
    check_ports([port])


def test_a_child_that_fails_says_its_last_words(tmp_path):
    child = Child([sys.executable, "-c", "import sys; sys.exit('no tea left')"], tmp_path, capture=True)
    with pytest.raises(NotStartedError, match="no tea left"):
        child.result("making tea", 20)


def test_a_child_that_takes_too_long_is_ended(tmp_path):
    child = Child([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, capture=True)
    with pytest.raises(NotStartedError, match="took longer"):
        child.result("making tea", 0.2)
    assert child.exit_code() is not None


def test_waiting_for_a_file_ends_when_its_writer_ends(tmp_path):
    child = Child([sys.executable, "-c", ""], tmp_path)
    with pytest.raises(NotStartedError, match="did not start"):
        wait_for_file(tmp_path / "never", child, "it", 20)

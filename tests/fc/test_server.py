import socket
import subprocess
import sys

import pytest

from fujie.fc.server import listening_at


def test_an_address_is_bound_without_looking_it_up():
    [bound] = listening_at("127.0.0.1", 0)
    with bound:
        assert bound.getsockname()[0] == "127.0.0.1"
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


@pytest.mark.parametrize("host", ["localhost", "::1", "agent.example", "", "127.1"])
def test_what_is_no_ipv4_address_is_left_to_the_server(host):
    assert listening_at(host, 0) is None


def test_an_address_that_cannot_be_had_is_left_to_the_server_which_says_so():
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert listening_at("127.0.0.1", other.getsockname()[1]) is None


LATE = """
import socket
from fujie.fc.custom_runtime import run_server

async def app(scope, receive, send):
    await receive()
    other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.bind(("127.0.0.1", {port}))
    other.listen()
    await send({{"type": "lifespan.startup.complete"}})
    await receive()
    print("shut down")
    await send({{"type": "lifespan.shutdown.complete"}})

run_server(app, "127.0.0.1", {port})
"""


def test_a_server_whose_port_is_taken_while_its_application_starts_ends_in_order():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ran = subprocess.run(
        [sys.executable, "-c", LATE.format(port=port)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (3, "shut down\n")
    assert f"the port {port} is taken by another program" in ran.stderr

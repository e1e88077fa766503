import socket

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

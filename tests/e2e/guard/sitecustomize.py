"""Put into every process of a stack under test: a connection beyond loopback fails, and is written down."""

import os
import socket
import sys

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _check(address):
    if isinstance(address, tuple) and not (str(address[0]).startswith("127.") or address[0] in {"::1", "localhost"}):
        with open(os.environ["FUJIE_TEST_GUARD_FILE"], "a") as file:
            file.write(f"{address[0]}:{address[1]} by {sys.argv}\n")
        raise ConnectionRefusedError(f"outside connections are blocked: {address[0]}")


def connect(self, address):
    _check(address)
    return _connect(self, address)


def connect_ex(self, address):
    _check(address)
    return _connect_ex(self, address)


socket.socket.connect = connect
socket.socket.connect_ex = connect_ex

"""What holds for every test: none of the project's variables, and no connection beyond loopback."""

import ipaddress
import os
import socket

import pytest

_OURS = ("FUJIE_", "FC_", "ALIBABA_CLOUD_", "DASHSCOPE_", "OTEL_", "AGENT_IDENTITY_")
_KEPT = {"FUJIE_TESTS_EVERY_COMMIT", "FUJIE_TESTS_REQUIRE_ALL", "FUJIE_TESTS_SCREENSHOTS"}

for _name in [name for name in os.environ if name.startswith(_OURS) and name not in _KEPT]:
    del os.environ[_name]
for _name in [name for name in os.environ if name.lower() in {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}]:
    del os.environ[_name]
os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
# Pydantic AI and others must not phone home, nor hypothesis keep a database in the checkout.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = "/tmp/fujie-hypothesis"


SLOW = ("tests/scale_out/", "tests/infra/deployed/", "tests/e2e/", "tests/infra/")


def pytest_collection_modifyitems(items):
    """Begin with what takes minutes: workers then share what is short, and none is left alone with a long file."""
    items.sort(key=lambda item: next((rank for rank, path in enumerate(SLOW) if path in str(item.path)), len(SLOW)))


class OutsideConnectionError(AssertionError):
    """A test tried to leave the machine."""


def _refuse_outside(address):
    if not isinstance(address, tuple):
        return
    try:
        loopback = ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        loopback = address[0] == "localhost"
    if not loopback:
        raise OutsideConnectionError(f"connect to {address[0]}:{address[1]}")


@pytest.fixture(autouse=True, scope="session")
def loopback_only():
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self, address):
        _refuse_outside(address)
        return connect(self, address)

    def guarded_ex(self, address):
        _refuse_outside(address)
        return connect_ex(self, address)

    socket.socket.connect, socket.socket.connect_ex = guarded, guarded_ex
    yield
    socket.socket.connect, socket.socket.connect_ex = connect, connect_ex

"""What a hosts file would do: with this folder on PYTHONPATH the cloud's own names lead to the emulated cloud.

The clients stay as they are; only where a composed URL leads is changed, so host header and signature keep the real
name. A connection to anywhere but this machine fails.
"""

import ipaddress
import os
import socket

from darabonba.core import DaraCore

_compose, _connect = DaraCore.compose_url, socket.socket.connect


def _composed(request):
    url = _compose(request)
    host, _, rest = url.partition("://")[2].partition("/")
    return f"{os.environ['EMULATED_CLOUD']}/{rest}" if host.endswith(".aliyuncs.com") else url


def _guarded(self, address):
    if isinstance(address, tuple) and not ipaddress.ip_address(address[0]).is_loopback:
        raise ConnectionRefusedError(f"connect to {address[0]}:{address[1]}")
    return _connect(self, address)


DaraCore.compose_url = staticmethod(_composed)
socket.socket.connect = _guarded

"""The host's listening sockets."""

import socket

import pytest

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.serving import bound
from fujie_emulator.functionhost.servers import LoopbackServer, _bound


@pytest.mark.parametrize("listen", [lambda: _bound(socket.AF_INET, "127.0.0.1", 0), lambda: bound(0)])
def test_answers_do_not_wait_for_acknowledgements(listen):
    with listen() as listener:
        assert listener.proto == socket.IPPROTO_TCP, "else asyncio leaves Nagle's delay on: 40 ms an answer"


async def test_the_origin_answers_under_both_addresses_of_localhost(http):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    server = LoopbackServer.listen(app, 0, also_ipv6=True)
    addresses = ["127.0.0.1", "[::1]"] if socket.has_ipv6 else ["127.0.0.1"]
    for address in addresses:
        assert (await http.get(f"http://{address}:{server.port}/")).status_code == 204
    with pytest.raises(CloudError, match="PortInUse"):
        LoopbackServer.listen(app, server.port)
    await server.close()

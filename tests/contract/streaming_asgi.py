"""An application without a socket, whose answers arrive piece by piece; who closes one early has gone away."""

import asyncio

import httpx2


class StreamingASGI(httpx2.AsyncBaseTransport):
    """Unlike the client's own ASGI transport, this does not wait for the end of an answer."""

    def __init__(self, app):
        self._app = app

    async def handle_async_request(self, request):
        exchange = _Exchange(await request.aread())
        url = request.url
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": url.scheme, "path": url.path, "raw_path": url.raw_path, "query_string": url.query,
            "root_path": "", "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, url.port), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        exchange.task = asyncio.create_task(self._app(scope, exchange.receive, exchange.send))
        exchange.task.add_done_callback(lambda _: exchange.sent.put_nowait({"type": "ended"}))
        start = await exchange.sent.get()
        assert start["type"] == "http.response.start", exchange.task.exception()
        return httpx2.Response(start["status"], headers=start["headers"], stream=exchange)


class _Exchange(httpx2.AsyncByteStream):
    def __init__(self, body):
        self.sent = asyncio.Queue()
        self._received = asyncio.Queue()
        self._received.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.task = None

    async def receive(self):
        return await self._received.get()

    async def send(self, message):
        self.sent.put_nowait(message)

    async def __aiter__(self):
        more = True
        while more:
            message = await self.sent.get()
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def aclose(self):
        self._received.put_nowait({"type": "http.disconnect"})
        await asyncio.wait([self.task])

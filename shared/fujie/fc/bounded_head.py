"""HTTP/1.1 with a bound that uvicorn does not set: how long a request's head may be, and how long it may take."""

import sys
from asyncio import Task, TimerHandle, Transport
from contextvars import Context
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, parse_url
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fujie.asgi import App
from fujie.fc.joined_writes import JoinedWrites
from fujie.fc.quick_cycle import QuickCycle

MAX_HEAD_BYTES = 64 * 1024
"""Of a request line with its headers, and of what comes between two pieces of a body; applications ask for less."""
HEAD_S = 30.0
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_NO_HTTP = "Invalid HTTP request received."


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose request never gets to its end, before anybody was asked who sends it.

    A request begins to be answered when what is there of it has been read, in the same turn of the loop: most are there
    as a whole, and are answered without a task that has to be scheduled.
    """

    cycle: QuickCycle
    __slots__ = ("_asked", "_deadline", "_idle_since", "_is_in_head", "_is_reading", "_unfinished_bytes", "_writes")

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unfinished_bytes = 0
        self._is_in_head = self._is_reading = False
        self._idle_since = 0.0
        self._deadline: TimerHandle | None = None
        self._asked: tuple[QuickCycle, App] | None = None
        self._writes = JoinedWrites(transport, self.loop)
        self.transport = self._writes  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        self._is_reading = True
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            self._upgrade()
        except HttpParserError:
            self.logger.warning(_NO_HTTP)
            self.send_400_response(_NO_HTTP)
        self._is_reading = False
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._begin(*asked)
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            self._end(_TOO_LONG)
        elif self._is_in_head and self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._end, b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        self._stop_looking()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop_looking()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._writes.begin()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request as uvicorn does, which asks nobody what is to serve it; there is no root path here."""
        self._head_is_there()
        parser, scope = self.parser, self.scope
        scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        raw_path, query = _parts(self.url)
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        last = self.cycle
        self.cycle = cycle = QuickCycle(self)
        if last is None or last.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        if self.parser.should_upgrade() and self._should_upgrade():
            return
        cycle = self.cycle
        if cycle.response_complete:  # answered early, and still listening
            self._idle_since = self.loop.time()
        elif cycle.take(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.cycle.take_end()

    def on_response_complete(self) -> None:
        """One timer watches over a connection as long as it is there: one for each answer costs as much as its head."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())  # type: ignore[arg-type]

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if self.transport.is_closing():
            return
        if left_s <= 0 and self.cycle.response_complete and not self._is_in_head:
            self.transport.close()
        else:
            self._look_again_in(left_s if left_s > 0 else self.timeout_keep_alive)

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _stop_looking(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _upgrade(self) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        else:
            self._unsupported_upgrade_warning()

    def _start_asgi_task(self, cycle: QuickCycle, app: App) -> None:  # type: ignore[override]
        if self._is_reading:
            self._asked = cycle, app
        else:
            self._begin_in_a_task(cycle, app)

    if sys.version_info >= (3, 12):

        def _begin(self, cycle: QuickCycle, app: App) -> None:
            coroutine = cycle.run_asgi(app)  # type: ignore[arg-type]
            task = Task(coroutine, loop=self.loop, eager_start=True, context=Context())
            if not task.done():
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    else:

        def _begin(self, cycle: QuickCycle, app: App) -> None:
            self._begin_in_a_task(cycle, app)

    def _begin_in_a_task(self, cycle: QuickCycle, app: App) -> None:
        """A request that was sent without waiting for the answer to the last inherits nothing of what that one set."""
        Context().run(super()._start_asgi_task, cycle, app)  # type: ignore[arg-type]

    def _head_is_there(self) -> None:
        self._unfinished_bytes, self._is_in_head = 0, False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, words: bytes) -> None:
        """Say so where no other answer is under way."""
        if self.transport.is_closing():
            return
        if self._is_in_head and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(words)
        self.transport.close()


def _parts(url: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query that are asked for; most ask for a path alone, which the parser has checked."""
    if url.startswith(b"/") and b"?" not in url and b"#" not in url and len(url) < MAX_HEAD_BYTES:
        return url, b""
    parsed = parse_url(url)
    return parsed.path, parsed.query or b""

"""The entry of a built-in function: `handler = fc_handler(app)`, and FC's setting is `module.handler`.

HTTP events go through Mangum to the ASGI app; all others to `on_event`. One event loop serves the whole life of the
process, so clients and connections outlive a request; work left running when an answer is given sleeps until the next.
"""

import asyncio
import inspect
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from mangum import Mangum
from mangum.types import ASGI

from fujie.fc.errors import ForeignEventError, NotStartedError
from fujie.fc.http_event import HttpEvent, is_http_event

OnEvent = Callable[[Any, Any], Awaitable[Any] | Any]


class Handler:
    """Called by FC with the event's bytes and its context, one at a time.

    The app's lifespan begins once, before the first request, and never ends: FC stops instances without a word.
    """

    def __init__(self, app: ASGI, on_event: OnEvent | None = None) -> None:
        self._app = app
        self._on_event = on_event
        self._one_at_a_time = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._lifespan: asyncio.Task[None] | None = None
        asyncio.set_event_loop(self._loop)  # Mangum asks for the thread's loop when it is made and when it is called
        self._mangum = Mangum(app, lifespan="off", custom_handlers=[HttpEvent])

    def __call__(self, event: bytes, context: Any) -> Any:
        """Return the answer to one event: FC's response object for HTTP, else what `on_event` returns."""
        document = _document(event)
        with self._one_at_a_time:
            asyncio.set_event_loop(self._loop)
            self._begin()
            if is_http_event(document):
                return self._mangum(document, context)
            return self._other(document, context)

    def initialize(self, _context: Any = None) -> None:
        """Begin the app's lifespan early: FC's initializer, `initialize = handler.initialize`."""
        with self._one_at_a_time:
            asyncio.set_event_loop(self._loop)
            self._begin()

    def close(self) -> None:
        """End the lifespan and the loop; for tests, FC never does."""
        if self._lifespan is not None and not self._lifespan.done():
            self._ending.set()
            self._loop.run_until_complete(self._lifespan)
        self._loop.close()

    def _other(self, document: Any, context: Any) -> Any:
        if self._on_event is None:
            raise ForeignEventError("the event is not an HTTP request, and this function takes nothing else")
        answer = self._on_event(document, context)
        return self._loop.run_until_complete(_awaited(answer)) if inspect.isawaitable(answer) else answer

    def _begin(self) -> None:
        if self._lifespan is None:
            self._loop.run_until_complete(self._start())

    async def _start(self) -> None:
        """Send `lifespan.startup` and return when the app has answered; NotStartedError when it said no."""
        self._ending = asyncio.Event()
        begun: asyncio.Future[bool] = self._loop.create_future()
        asked = iter(({"type": "lifespan.startup"},))

        async def receive() -> dict[str, Any]:
            message = next(asked, None)
            if message is None:
                await self._ending.wait()
                return {"type": "lifespan.shutdown"}
            return message

        async def send(message: Any) -> None:
            if not begun.done():
                begun.set_result(message["type"] == "lifespan.startup.complete")

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        task = self._loop.create_task(self._app(scope, receive, send))
        either: set[asyncio.Future[Any]] = {task, begun}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if begun.done() and not begun.result():
            (cause,) = await asyncio.gather(task, return_exceptions=True)
            raise NotStartedError("the app did not start") from cause
        if task.done():
            task.exception()  # an app that knows no lifespan may raise, says ASGI; it has nothing to begin
        self._lifespan = task


def fc_handler(app: ASGI, on_event: OnEvent | None = None) -> Handler:
    """Return FC's handler of an ASGI app; `on_event(document, context)` takes what is not HTTP, sync or async."""
    return Handler(app, on_event)


def _document(event: bytes) -> Any:
    try:
        return json.loads(event)
    except (ValueError, RecursionError) as error:
        raise ForeignEventError("the event is not JSON") from error


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer

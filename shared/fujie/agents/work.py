"""Background work of the developer's own functions: begun by a request, asked for later, told to a webhook."""

import asyncio
import json
import logging
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from fujie.agents.bounds import MAX_ANSWER_CHARS, refuse_longer, refuse_more
from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.handler import Function, in_time, items_of
from fujie.errors import FujieError, InputError
from fujie.identity.rows import User
from fujie.telemetry import kinds_and_places

MAX_KEPT = 1000
"""Pieces of work that have ended and can still be asked for."""
MAX_KEPT_CHARS = 64 * 1024 * 1024
"""Of their results together."""
TIMEOUT_S = 570.0
"""The longest that one may take, where nobody says otherwise."""
WEBHOOK_DEADLINE_S = 10.0
WEBHOOK_ATTEMPTS = 3
_URL = re.compile(r"[\x21-\x7e]{1,2048}")
"""What two readers of URLs read alike: one leaves tabs and the like out, the other fails."""

_log = logging.getLogger(__name__)
Status = Literal["pending", "running", "finished", "error"]


class Piece(Struct):
    """One piece of work, in the words of AgentScope Runtime's tasks."""

    id: str
    user: User
    status: Status = "pending"
    started_at: float | None = None
    result: Any = None
    chars: int = 0
    """How long its result is as JSON text."""

    def told(self) -> dict[str, Any]:
        """Return what its user is told."""
        begun = {} if self.started_at is None or self.status != "running" else {"started_at": self.started_at}
        return {"task_id": self.id, "status": self.status, **begun, "result": self.result}


class Work:
    """Owns the work; `close` cancels what is not done."""

    def __init__(
        self,
        webhook_hosts: Sequence[str] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hosts = frozenset(webhook_hosts)
        self._timeout_s = timeout_s
        self._clock = clock
        self._pieces: OrderedDict[str, Piece] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def begin(self, function: Function, arguments: Mapping[str, Any], user: User, webhook: str = "") -> Piece:
        """Run a function in the background. Raises TooBusyError, InputError for a webhook that may not be told."""
        running = (piece.user for piece in self._pieces.values() if piece.status in {"pending", "running"})
        refuse_more(len(self._tasks), running, user)
        if webhook:
            self._check_webhook(webhook)
        piece = Piece(str(uuid.uuid4()), user)
        self._pieces[piece.id] = piece
        self._forget_ended()
        task = asyncio.create_task(self._do(piece, function, arguments, webhook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return piece

    def find(self, piece_id: str, user: User) -> Piece:
        """Return the user's own. Raises RunNotFoundError, ForbiddenError."""
        piece = self._pieces.get(piece_id)
        if piece is None:
            raise RunNotFoundError("there is no such task")
        if (piece.user.tenant, piece.user.id) != (user.tenant, user.id):
            raise ForbiddenError("this task belongs to somebody else")
        return piece

    def _forget_ended(self) -> None:
        """A piece that runs on and on does not keep those that ended after it; long results go sooner."""
        ended = [piece for piece in self._pieces.values() if piece.status in {"finished", "error"}]
        too_many, chars = len(ended) - MAX_KEPT, sum(piece.chars for piece in ended)
        for piece in ended:
            if too_many <= 0 and chars <= MAX_KEPT_CHARS:
                return
            del self._pieces[piece.id]
            too_many, chars = too_many - 1, chars - piece.chars

    async def close(self) -> None:
        """Cancel what is not done."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _check_webhook(self, url: str) -> None:
        with suppress(ValueError):
            parts = urlsplit(url)
            is_local = parts.hostname in {"localhost", "127.0.0.1"}
            if (
                _URL.fullmatch(url)
                and parts.hostname in self._hosts
                and (parts.scheme == "https" or (parts.scheme == "http" and is_local))
            ):
                return
        raise InputError("this webhook may not be told", repair="name its host in AgentConfig.webhook_hosts; use https")

    async def _do(self, piece: Piece, function: Function, arguments: Mapping[str, Any], webhook: str) -> None:
        piece.status, piece.started_at = "running", self._clock()
        try:
            async with in_time(self._timeout_s), aclosing(items_of(function, arguments)) as items:
                piece.result, piece.chars = await _result(items)
            piece.status = "finished"
        except asyncio.CancelledError:
            piece.result, piece.status = "the server was stopped", "error"
            raise
        except Exception as error:  # noqa: BLE001 - the developer's function may raise anything; its user is told
            _log.warning("task %s failed: %s", piece.id, kinds_and_places(error))
            words = error.message if isinstance(error, FujieError) else "the task failed; the log has it under its id"
            piece.result, piece.status = words, "error"
        self._forget_ended()
        if webhook:
            await self._tell(webhook, piece)

    async def _tell(self, url: str, piece: Piece) -> None:
        from fujie.http import fetch, http_client

        http = http_client()
        try:
            for attempt in range(WEBHOOK_ATTEMPTS):
                with suppress(FujieError):
                    answer = await fetch(
                        http,
                        "POST",
                        url,
                        headers={"content-type": "application/json"},
                        content=json.dumps(piece.told()).encode(),
                        max_bytes=64 * 1024,
                        deadline_s=WEBHOOK_DEADLINE_S,
                    )
                    if answer.status < 500:
                        return
                await asyncio.sleep(2**attempt)
            _log.warning("task %s: its webhook does not answer", piece.id)
        finally:
            await http.aclose()


async def _result(items: AsyncGenerator[Any, None]) -> tuple[Any, int]:
    """Return what a function gives, all of it where it yields, and its length. Raises AnswerTooLongError."""
    given, chars = [], 0
    async for item in items:
        given.append(item)
        chars += len(json.dumps(item))
        if chars > MAX_ANSWER_CHARS:
            refuse_longer()
    return given[0] if len(given) == 1 else given or None, chars

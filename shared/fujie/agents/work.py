"""Background work of the developer's own functions: begun by a request, asked for later, told to a webhook."""

import asyncio
import json
import logging
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from fujie.agents.bounds import refuse_more
from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.handler import Function, items_of
from fujie.errors import FujieError, InputError
from fujie.identity.rows import User
from fujie.telemetry import kinds_and_places

MAX_KEPT = 1000
"""Pieces of work that have ended and can still be asked for."""
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

    def told(self) -> dict[str, Any]:
        """Return what its user is told."""
        begun = {} if self.started_at is None or self.status != "running" else {"started_at": self.started_at}
        return {"task_id": self.id, "status": self.status, **begun, "result": self.result}


class Work:
    """Owns the work; `close` cancels what is not done."""

    def __init__(self, webhook_hosts: Sequence[str] = (), *, clock: Callable[[], float] = time.time) -> None:
        self._hosts = frozenset(webhook_hosts)
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
        """A piece that runs on and on does not keep those that ended after it."""
        too_many = len(self._pieces) - len(self._tasks) - MAX_KEPT
        if too_many > 0:
            ended = (piece.id for piece in self._pieces.values() if piece.status in {"finished", "error"})
            for piece_id in list(islice(ended, too_many)):
                del self._pieces[piece_id]

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
            items = [item async for item in items_of(function, arguments)]
            piece.result, piece.status = items[0] if len(items) == 1 else items or None, "finished"
            json.dumps(piece.result)
        except asyncio.CancelledError:
            piece.result, piece.status = "the server was stopped", "error"
            raise
        except Exception as error:  # noqa: BLE001 - the developer's function may raise anything; its user is told
            _log.warning("task %s failed: %s", piece.id, kinds_and_places(error))
            words = error.message if isinstance(error, FujieError) else "the task failed; the log has it under its id"
            piece.result, piece.status = words, "error"
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

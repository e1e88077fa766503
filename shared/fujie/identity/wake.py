"""Waking a run: an asynchronous invocation of `process`, which the platform keeps and delivers at least once."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from fujie import clock
from fujie.http import NoAnswerError, fetch
from fujie.identity.acs3 import signed_request
from fujie.identity.errors import CloudUnavailableError
from fujie.identity.faults import error_from_answer
from fujie.identity.internal import InternalMinter
from fujie.settings import CallerKey, Settings

if TYPE_CHECKING:
    import httpx2

VERSION = "2023-03-30"
ACTION = "InvokeFunction"
MAX_ANSWER_BYTES = 64 * 1024
DEADLINE_S = 5.0


class Waker:
    """Wakes runs of one stack's `process`."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        minter: InternalMinter,
        caller_key: Callable[[], CallerKey],
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        function = quote(settings.process_function, safe="")
        self._url = f"{settings.fc_endpoint}/{VERSION}/functions/{function}/invocations"
        self._http = http
        self._minter = minter
        self._caller_key = caller_key
        self._now = now

    async def wake(self, run_id: str, delegation_id: str) -> None:
        """Return once the platform has taken the event; raises CloudUnavailableError or what the cloud answers."""
        token = self._minter.mint("process", delegation_id=delegation_id, run_id=run_id)
        event = {"type": "resume_run", "run_id": run_id, "token": token.reveal()}
        request = signed_request(
            "POST",
            self._url,
            version=VERSION,
            action=ACTION,
            content_type="application/json",
            body=json.dumps(event).encode(),
            key=self._caller_key(),
            at=self._now(),
            extra={"x-fc-invocation-type": "Async"},
        )
        try:
            answer = await fetch(
                self._http,
                request.method,
                request.url,
                headers=request.headers,
                content=request.body,
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=DEADLINE_S,
            )
        except NoAnswerError as error:
            raise CloudUnavailableError(f"Function Compute: {error.message}") from error
        if answer.status != 202:
            raise error_from_answer(ACTION, answer)

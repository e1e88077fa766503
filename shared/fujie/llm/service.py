"""The chat completions wire of an OpenAI-compatible service: a request's body in, the chunks of its answer out.

The official client is not used here: its types cost 0.4 s and 30 MiB before the first answer, for one route.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from fujie.errors import TooLargeError
from fujie.http import http_client, read_limited
from fujie.llm.errors import LlmError, LlmOutputError, LlmRefusedError, LlmThrottledError, LlmUnavailableError
from fujie.secret import Secret

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
"""The longest silence within a stream; reasoning models think before their first token."""
MAX_RETRIES = 2
"""With backoff, for connection faults, 408, 409, 429 and 5xx before the first byte."""
MAX_WAIT_S = 10.0
"""The longest `Retry-After` that is waited for; a longer one is an error at once."""
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_REFUSAL_BYTES = 64 * 1024
RETRIED = frozenset({408, 409, 429})
THROTTLED = frozenset({"rate_limit_exceeded", "insufficient_quota", "Throttling", "Throttling.RateQuota"})
"""Error codes within a stream that ask for patience."""
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


@dataclass(frozen=True)
class ChatService:
    """One service, with its key."""

    base_url: str
    api_key: Secret
    read_timeout_s: float = READ_TIMEOUT_S
    http: httpx2.AsyncClient = field(default_factory=http_client, repr=False)

    @asynccontextmanager
    async def ask(self, body: Mapping[str, Any]) -> AsyncGenerator["Chunks"]:
        """Give the answer's chunks; leaving ends the request. Raises LlmError, as reading the chunks does.

        What the service said of a fault is not repeated, it may hold the key: only its status and its code are.
        """
        response = await self._opened(body)
        try:
            yield Chunks(response)
        finally:
            await response.aclose()

    async def _opened(self, body: Mapping[str, Any]) -> httpx2.Response:
        for attempt in range(MAX_RETRIES + 1):
            answered = await self._try(body)
            if isinstance(answered, httpx2.Response):
                return answered
            error, wait_s = answered
            if wait_s is None or attempt == MAX_RETRIES:
                break
            await asyncio.sleep(wait_s or 0.5 * 2**attempt * random.uniform(0.75, 1.0))  # noqa: S311 - no secret
        raise error

    async def _try(self, body: Mapping[str, Any]) -> "httpx2.Response | tuple[LlmError, float | None]":
        """Return an answer that has begun; or the fault, and in how many seconds to try again (0: as we think best)."""
        request = self.http.build_request(
            "POST",
            f"{self.base_url.rstrip('/')}/chat/completions",
            headers={"authorization": f"Bearer {self.api_key.reveal()}", "accept": "text/event-stream"},
            json=body,
            timeout=httpx2.Timeout(self.read_timeout_s, connect=CONNECT_TIMEOUT_S),
        )
        try:
            response = await self.http.send(request, stream=True)
        except httpx2.TransportError as error:
            fault = LlmUnavailableError(f"the model does not answer ({type(error).__name__})", repair="try again")
            fault.__cause__ = error
            return fault, 0.0
        if response.status_code == 200:
            return response
        try:
            return _refusal(response.status_code, await _code(response)), _retry_in(response)
        finally:
            await response.aclose()


def _retry_in(response: httpx2.Response) -> float | None:
    if response.status_code not in RETRIED and response.status_code < 500:
        return None
    wait_s = _number(response.headers.get("retry-after-ms")) / 1000 or _number(response.headers.get("retry-after"))
    return wait_s if wait_s <= MAX_WAIT_S else None


def _number(text: str | None) -> float:
    return float(text) if text and text.isascii() and text.isdecimal() else 0.0


async def _code(response: httpx2.Response) -> str:
    """Return the service's own code for a refusal, as far as it is one."""
    try:
        body = json.loads(await read_limited(response, MAX_REFUSAL_BYTES))
    except (ValueError, RecursionError, TooLargeError, httpx2.HTTPError):
        return ""
    return _code_of(body.get("error", body)) if isinstance(body, dict) else ""


def _code_of(error: object) -> str:
    found = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def _refusal(status: int, code: str) -> LlmError:
    said = f" (HTTP {status}, {code})" if code else f" (HTTP {status})"
    if status == 429:
        return LlmThrottledError(f"the model's service asks for patience{said}", repair="try again later")
    if status in RETRIED or status >= 500:
        return LlmUnavailableError(f"the model does not answer{said}", repair="try again")
    return LlmRefusedError(
        f"the model's service refused the request{said}", repair="check the model's name, key and base URL"
    )


class Chunks:
    """The chunks of one answer, in their order."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._events = _events(response)

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return self

    async def __anext__(self) -> dict[str, Any]:
        try:
            return _chunk(await anext(self._events))
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise LlmUnavailableError(
                f"the model broke off its answer ({type(error).__name__})", repair="try again"
            ) from error

    async def close(self) -> None:
        """End the request, also while a chunk is waited for."""
        await self._response.aclose()


async def _events(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield the data of a stream's events; each is one line in this protocol."""
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise LlmOutputError(f"the model sent a line of more than {MAX_LINE_BYTES} bytes", repair="ask again")
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            if line.startswith(b"data:"):
                yield data


def _chunk(data: bytes) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        chunk = None
    if not isinstance(chunk, dict):
        raise LlmOutputError("the model answered what is no chunk of an answer", repair="ask again")
    if (error := chunk.get("error")) is not None:
        code = _code_of(error)
        if code in THROTTLED:
            raise LlmThrottledError(f"the model's service asks for patience ({code})", repair="try again later")
        raise LlmUnavailableError(f"the model broke off its answer{f' ({code})' if code else ''}", repair="try again")
    return chunk

"""One notification to one address: bounded in time, size and tries; no redirect is followed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from fujie.agents.pushes.guard import Resolve, resolved, target_of
from fujie.errors import FujieError
from fujie.http import NoAnswerError, http_client, read_limited
from fujie.protocols.a2a.errors import PushRefusedError
from fujie.protocols.a2a.push_config import PushConfig

if TYPE_CHECKING:
    import httpx2

TOKEN_HEADER = "X-A2A-Notification-Token"  # noqa: S105 - the header's name
ATTEMPTS = 4
FIRST_PAUSE_S = 1.0
"""Before the second try; each pause is three times the one before."""
DEADLINE_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
_log = logging.getLogger(__name__)


class Sender:
    """Sends notifications over connections of its own."""

    def __init__(
        self,
        *,
        local: bool,
        http: "Callable[[], httpx2.AsyncClient]" = http_client,
        resolve: Resolve = resolved,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`local` says whether this machine itself may be called, as in development."""
        self._local = local
        self._make_http = http
        self._http: httpx2.AsyncClient | None = None
        self.resolve = resolve
        self._pause = pause

    async def send(self, config: PushConfig, body: bytes) -> bool:
        """Say whether the address took the notification, after a few tries."""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._pause(FIRST_PAUSE_S * 3 ** (attempt - 1))
            try:
                status = await self._post(config, body)
            except PushRefusedError as error:
                _log.warning("a push notification is not sent: %s", error.message)
                return False
            except FujieError:
                continue
            if status < 300:
                return True
            if status < 500 and status not in (408, 425, 429):
                break
        _log.warning("a push notification was not taken")
        return False

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _post(self, config: PushConfig, body: bytes) -> int:
        import httpx2

        target = await target_of(config.url, local=self._local, resolve=self.resolve)
        self._http = self._http or self._make_http()
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._http.stream(
                    "POST",
                    target.url,
                    headers={**_headers(config), "host": _host_header(config.url)},
                    content=body,
                    extensions={"sni_hostname": target.host},
                ) as answer,
            ):
                await read_limited(answer, MAX_ANSWER_BYTES)
                return answer.status_code
        except (TimeoutError, httpx2.HTTPError) as error:
            raise NoAnswerError("the address did not answer") from error


def _headers(config: PushConfig) -> Mapping[str, str]:
    """No connection is used again: two names may have one address, and a certificate proved only one of them."""
    kind = "application/a2a+json" if config.version == "1.0" else "application/json"
    headers = {"content-type": kind, "connection": "close"}
    if config.token.reveal():
        headers[TOKEN_HEADER] = config.token.reveal()
    if config.scheme and config.credentials.reveal():
        headers["authorization"] = f"{config.scheme} {config.credentials.reveal()}"
    return headers


def _host_header(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).netloc

"""One way to make outbound requests: pooled, bounded in time and size, no redirects, no proxy from the environment."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from fujie.errors import FujieError, TooLargeError

if TYPE_CHECKING:
    from http.cookiejar import CookieJar

    import httpx2

MAX_CONNECTIONS = 100
KEEPALIVE_S = 30.0
CONNECT_S = 10.0


class NoAnswerError(FujieError):
    """The other side did not answer in time, answered too much, or could not be reached."""

    code = "no_answer"
    status = 503


class _Readable(Protocol):
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer, read within its limit. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def http_client(*, timeout_s: float = 10.0) -> "httpx2.AsyncClient":
    """Return a pooled client that follows no redirect and reads no proxy or netrc from the environment.

    It keeps no cookie: it serves everybody, and a cookie that came for one person must not go out for the next.

    `timeout_s` bounds each connect, read, write and wait for a connection; callers bound the whole by a deadline.
    The trusted certificates are read at the first request, so that a start does not wait for them.
    """
    import httpx2

    class LateTransport(httpx2.AsyncBaseTransport):
        @cached_property
        def inner(self) -> httpx2.AsyncHTTPTransport:
            limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_S)
            return httpx2.AsyncHTTPTransport(verify=True, trust_env=False, limits=limits)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return await self.inner.handle_async_request(request)

        async def aclose(self) -> None:
            if "inner" in self.__dict__:
                await self.inner.aclose()

    return httpx2.AsyncClient(
        transport=LateTransport(),
        timeout=httpx2.Timeout(timeout_s),
        cookies=no_cookies(),
        follow_redirects=False,
        trust_env=False,
    )


def no_cookies() -> "CookieJar":
    """Return a jar into which nothing goes."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


async def read_limited(response: _Readable, max_bytes: int) -> bytes:
    """Return the decoded body of a streamed response; raises TooLargeError as soon as it passes `max_bytes`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError(f"the answer is longer than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def fetch(
    http: "httpx2.AsyncClient",
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    max_bytes: int,
    deadline_s: float,
) -> Answer:
    """Return the whole answer to one request, whatever its status; raises NoAnswerError.

    `deadline_s` bounds the whole of it, and whoever answers may be silent for that long.
    The error names the host and the kind of fault and nothing that was sent.
    """
    import httpx2

    host, silence = urlsplit(url).netloc, httpx2.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s))
    try:
        async with (
            asyncio.timeout(deadline_s),
            http.stream(
                method, url, headers=headers, content=content, timeout=silence, follow_redirects=False
            ) as response,
        ):
            body = await read_limited(response, max_bytes)
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
    except TimeoutError as error:
        raise NoAnswerError(f"{host} did not answer within {deadline_s:g} s") from error
    except httpx2.HTTPError as error:
        raise NoAnswerError(f"{host} could not be asked ({type(error).__name__})") from error
    except TooLargeError as error:
        raise NoAnswerError(f"{host} answered more than {max_bytes} bytes") from error


def is_loopback(host: str) -> bool:
    """Say whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_url(url: str) -> bool:
    """Say whether a credential may travel to the URL: https, or http to this machine, with no user part."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))

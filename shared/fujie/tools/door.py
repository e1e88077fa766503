"""The one door through which a tool reaches the network.

The tool holds an ordinary client; behind it stands this transport. It lets requests to declared hosts pass, sends them
where the stack says these hosts are, and only there adds the credential: what the tool sees of requests and answers
never holds it, and a redirect cannot carry it away, because the next host has to pass the same door.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from fujie.http import is_safe_url
from fujie.identity.carrying import CredentialAuth
from fujie.tools.errors import (
    AnswerTooLargeError,
    ArgumentsInvalidError,
    HostNotDeclaredError,
    ToolMisconfiguredError,
)
from fujie.tools.schema import MCP_HOST

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_REQUEST_BYTES = 1024 * 1024
_REQUEST_DROPPED = frozenset({"host", "content-length", "transfer-encoding", "accept-encoding"})
_ANSWER_DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True)
class Places:
    """Where the stack has what tools name."""

    endpoints: Mapping[str, str]
    """Declared host -> base URL; a host that is not listed serves itself over https."""
    mcp_server: str = ""

    def place(self, url: httpx2.URL, hosts: Sequence[str]) -> httpx2.URL:
        """Return where a request to the URL goes.

        Raises HostNotDeclaredError when the hosts do not cover it, ToolMisconfiguredError when the place is unsafe.
        """
        if MCP_HOST in hosts and self.mcp_server and _is_endpoint(url, httpx2.URL(self.mcp_server)):
            return _safe(url, "FUJIE_MCP_SERVER")
        host = url.netloc.decode("ascii")
        if url.scheme != "https" or url.userinfo or host not in hosts:
            raise HostNotDeclaredError(
                f"the tool does not declare {url.scheme}://{host}", repair="declare hosts=[...], and ask them by https"
            )
        base = self.endpoints.get(host)
        return url if base is None else _safe(_moved(url, base), f"FUJIE_ENDPOINTS[{host}]")


class Door(httpx2.AsyncBaseTransport):
    """A transport that reaches only `hosts`. `http` is the pooled client that does the sending."""

    def __init__(
        self, http: httpx2.AsyncClient, places: Places, hosts: Sequence[str], auth: CredentialAuth | None
    ) -> None:
        self._http = http
        self._places = places
        self._hosts = tuple(hosts)
        self._auth = auth
        self.has_sent = False
        """Whether something may have reached a provider."""
        self.last_status = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        place = self._places.place(request.url, self._hosts)
        outgoing = await _outgoing(request, place)
        self.has_sent, self.last_status = True, 0
        answer = await self._http.send(outgoing, stream=True, auth=self._auth, follow_redirects=False)
        self.last_status = answer.status_code
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in _ANSWER_DROPPED]
        return httpx2.Response(answer.status_code, headers=headers, stream=_Limited(answer))


def client_through(door: Door, *, timeout_s: float) -> httpx2.AsyncClient:
    """Return the client that a tool is given; close it after the call."""
    return httpx2.AsyncClient(
        transport=door, timeout=httpx2.Timeout(timeout_s), follow_redirects=False, trust_env=False
    )


class _Limited(httpx2.AsyncByteStream):
    """An answer's decoded body, up to its limit."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._answer.aiter_bytes():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise AnswerTooLargeError(f"the provider answered more than {MAX_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


async def _outgoing(request: httpx2.Request, place: httpx2.URL) -> httpx2.Request:
    body = await request.aread()
    if len(body) > MAX_REQUEST_BYTES:
        raise ArgumentsInvalidError(f"the request to the provider is longer than {MAX_REQUEST_BYTES} bytes")
    headers = [(name, value) for name, value in request.headers.multi_items() if name not in _REQUEST_DROPPED]
    # Asked uncompressed: a small answer then cannot unfold into a large one.
    headers.append(("accept-encoding", "identity"))
    return httpx2.Request(request.method, place, headers=headers, content=body, extensions=request.extensions)


def _is_endpoint(url: httpx2.URL, endpoint: httpx2.URL) -> bool:
    return (url.scheme, url.netloc, url.path) == (endpoint.scheme, endpoint.netloc, endpoint.path)


def _moved(url: httpx2.URL, base: str) -> httpx2.URL:
    parts = urlsplit(base)
    raw_path = parts.path.rstrip("/").encode("ascii") + url.raw_path
    return httpx2.URL(f"{parts.scheme}://{parts.netloc}").copy_with(raw_path=raw_path)


def _safe(url: httpx2.URL, setting: str) -> httpx2.URL:
    if not is_safe_url(str(url)):
        raise ToolMisconfiguredError(
            f"{setting} is not a place for credentials", repair="use https, or http on this machine"
        )
    return url

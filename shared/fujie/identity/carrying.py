"""Clients that carry a credential without the code that uses them holding it: `httpx2.Auth`, bound to declared hosts.

    http = httpx2.AsyncClient(auth=ApiKeyAuth("weather", hosts=["api.weather.example"], header="X-Api-Key"))

The credential is obtained for each request (warm: from memory), is on the request only while that is under way, and
goes to no other host: also not by a redirect, should the client follow any.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from datetime import timedelta
from typing import Any

import httpx2

from fujie.http import is_safe_url
from fujie.identity.agent_identity import AgentIdentity, Need, OAuthWish, default_identity
from fujie.identity.errors import HostUndeclaredError, IdentityMisconfiguredError
from fujie.permission import OAuthFlow
from fujie.secret import Secret

REFUSED = 401
DEFAULT_PORTS = {"https": 443, "http": 80}


class CredentialAuth(httpx2.Auth):
    """Puts one credential into one header; for a transport that lets only declared hosts pass."""

    def __init__(self, header: str, prefix: str, secret: Secret) -> None:
        self._header = header
        self._prefix = prefix
        self._secret = secret

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers[self._header] = self._prefix + self._secret.reveal()
        yield request


class HostBoundAuth(httpx2.Auth):
    """Obtains the credential of each request for whom the context names, and sends it to `hosts` by https alone.

    A receiver's 401 makes the next request obtain the credential anew; nothing is sent twice.
    """

    def __init__(
        self,
        need: Callable[[AgentIdentity], Need[Secret]],
        *,
        hosts: Sequence[str],
        header: str,
        prefix: str,
        identity: AgentIdentity | None,
    ) -> None:
        if isinstance(hosts, str) or not hosts:
            raise IdentityMisconfiguredError("a credential needs the list of hosts that it is for")
        self._need = need
        self._hosts = frozenset(hosts)
        self._header = header
        self._prefix = prefix
        self._identity = identity

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        self._check(request.url)
        identity = self._made()
        need = self._need(identity)
        response = yield self._carrying(request, identity.get_blocking(need), _sync_guard(self._hosts))
        self._scrub(request, response, need)

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        self._check(request.url)
        identity = self._made()
        need = self._need(identity)
        response = yield self._carrying(request, await identity.get(need), _async_guard(self._hosts))
        self._scrub(request, response, need)

    def _made(self) -> AgentIdentity:
        return self._identity if self._identity is not None else default_identity()

    def _check(self, url: httpx2.URL) -> None:
        if url.netloc.decode("ascii") not in self._hosts or not is_safe_url(str(url)):
            raise HostUndeclaredError(
                f"the credential is not for {url.scheme}://{url.netloc.decode('ascii')}",
                repair="declare the host, and ask it by https",
            )

    def _carrying(self, request: httpx2.Request, secret: Secret, guard: Callable[..., Any]) -> httpx2.Request:
        request.headers[self._header] = self._prefix + secret.reveal()
        request.extensions = dict(request.extensions) | {"trace": guard(request.extensions.get("trace"))}
        return request

    def _scrub(self, request: httpx2.Request, response: httpx2.Response, need: Need[Secret]) -> None:
        seen = [request, response.request, response.next_request, *(past.request for past in response.history)]
        for carried in seen:
            if carried is not None:
                carried.headers.pop(self._header, None)
        if response.status_code == REFUSED:
            need.forget()


class ApiKeyAuth(HostBoundAuth):
    """Carries the API key that the vault keeps under the provider's name."""

    def __init__(
        self,
        provider_name: str,
        *,
        hosts: Sequence[str],
        header: str = "Authorization",
        prefix: str = "Bearer ",
        identity: AgentIdentity | None = None,
    ) -> None:
        super().__init__(
            lambda made: made.api_key(provider_name), hosts=hosts, header=header, prefix=prefix, identity=identity
        )


class AccessTokenAuth(HostBoundAuth):
    """Carries an OAuth access token: of the user (USER_FEDERATION, ON_BEHALF_OF), or the workload's (M2M).

    A request raises OwnAuthorizationRequired when the user has to open a link first; it was then not sent.
    """

    def __init__(
        self,
        provider_name: str,
        *,
        scopes: Sequence[str],
        hosts: Sequence[str],
        auth_flow: OAuthFlow = "USER_FEDERATION",
        callback_url: str = "",
        audience: str = "",
        header: str = "Authorization",
        prefix: str = "Bearer ",
        lasting: timedelta = timedelta(0),
        identity: AgentIdentity | None = None,
    ) -> None:
        wish = OAuthWish(provider_name, tuple(scopes), auth_flow, callback_url, audience=audience, lasting=lasting)
        super().__init__(
            lambda made: made.access_token(wish), hosts=hosts, header=header, prefix=prefix, identity=identity
        )


def _refuse_stray(hosts: frozenset[str], event: str, info: Any) -> None:
    """Stop a request that a redirect took elsewhere before its headers are sent."""
    if not event.endswith("send_request_headers.started"):
        return
    url = info["request"].url
    scheme, netloc = url.scheme.decode("ascii"), url.host.decode("ascii")
    if url.port not in {None, DEFAULT_PORTS.get(scheme)}:
        netloc = f"{netloc}:{url.port}"
    if netloc not in hosts or not is_safe_url(f"{scheme}://{netloc}/"):
        raise HostUndeclaredError(f"a redirect would have taken the credential to {scheme}://{netloc}")


def _sync_guard(hosts: frozenset[str]) -> Callable[[Any], Callable[[str, Any], None]]:
    def guard(earlier: Any) -> Callable[[str, Any], None]:
        def trace(event: str, info: Any) -> None:
            _refuse_stray(hosts, event, info)
            if earlier is not None:
                earlier(event, info)

        return trace

    return guard


def _async_guard(hosts: frozenset[str]) -> Callable[[Any], Callable[[str, Any], Any]]:
    def guard(earlier: Any) -> Callable[[str, Any], Any]:
        async def trace(event: str, info: Any) -> None:
            _refuse_stray(hosts, event, info)
            if earlier is not None:
                await earlier(event, info)

        return trace

    return guard

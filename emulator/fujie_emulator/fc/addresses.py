"""Where deployed functions answer HTTP: a trigger's two addresses on this cloud's port, and custom domains."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import verify_roa
from fujie_emulator.fc import domains, versions
from fujie_emulator.fc.functions import SERVICE
from fujie_emulator.fc.state import authorize_invocation
from fujie_emulator.functionhost.errors import FunctionNotFoundError, InvocationError, RequestRefusedError
from fujie_emulator.functionhost.limits import BODY_LIMIT
from fujie_emulator.functionhost.routes import host_of
from fujie_emulator.functionhost.sockets import refuse_either

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

Net = Literal["internet", "intranet"]
PREFIX = "/_fc"


class TriggerAddresses:
    """Everything below `/_fc/internet/ID` and `/_fc/intranet/ID`: the function sees the path after that."""

    def __init__(self, cloud: "Cloud", net: Net) -> None:
        self._cloud = cloud
        self._net = net

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"].removeprefix(f"{PREFIX}/{self._net}/")
        trigger_id, _, rest = path.partition("/")
        try:
            function, config = self._trigger(trigger_id)
            self._check(scope, config)
            if config.get("authType", "function") != "anonymous":
                receive = await self._authenticated(function.partition(":")[0], config, scope, receive)
        except RequestRefusedError as error:
            await refuse_either(scope, send, error)
            return
        raw = scope["raw_path"].split(b"/", 4)
        inner = {**scope, "path": f"/{rest}", "raw_path": b"/" + (raw[4] if len(raw) > 4 else b"")}
        await host_of(self._cloud).serve(function, inner, receive, send)

    def _trigger(self, trigger_id: str) -> tuple[str, dict[str, Any]]:
        for key, trigger in self._cloud.store.list(SERVICE, "trigger"):
            if trigger["triggerId"] == trigger_id and trigger["triggerType"] == "http":
                address = versions.address(key.partition("/")[0], trigger["qualifier"])
                return address, json.loads(trigger["triggerConfig"])
        raise RequestRefusedError("TriggerNotFound", 404, "no HTTP trigger has this address")

    def _check(self, scope: Scope, config: Mapping[str, Any]) -> None:
        if self._net == "internet" and config.get("disableURLInternet"):
            raise RequestRefusedError("AccessDenied", 403, "the trigger is not reached from the internet")
        if _method(scope) not in config["methods"]:
            raise RequestRefusedError("MethodNotAllowed", 405, f"the trigger does not take {_method(scope)}")

    async def _authenticated(self, function: str, config: Mapping[str, Any], scope: Scope, receive: Receive) -> Receive:
        """Return the body again, once its signature was that of someone who may invoke the function."""
        if config.get("authType", "function") != "function":
            raise RequestRefusedError(
                "UnsupportedOperation", 501, f"the emulator checks no {config['authType']} tokens"
            )
        if scope["type"] == "websocket":
            raise RequestRefusedError("UnsupportedOperation", 501, "the emulator checks no signatures of web sockets")
        request = Request(scope, receive)
        try:
            body = await read_body(request, BODY_LIMIT)
            authorize_invocation(self._cloud, verify_roa(self._cloud, request, body), function)
        except CloudError as error:
            raise RequestRefusedError(error.code, error.status, error.message) from error
        return _Again(body, receive)


class _Again:
    """A body that was read, to be read once more; after it, what the connection says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class Origins:
    """The custom domains, by the Host of a request."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    def knows(self, host: str) -> bool:
        """Tell whether a domain of this name (without a port) is there."""
        return self._cloud.store.get(domains.SERVICE, domains.KIND, host) is not None

    async def __call__(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to the domain."""
        route = domains.route_of(domains.kept(self._cloud, host), scope["path"])
        if route is None:
            error: InvocationError = RequestRefusedError(
                "DomainRouteNotFound", 404, "no route of this domain has the path"
            )
        elif route.methods and _method(scope) not in route.methods:
            error = RequestRefusedError("MethodNotAllowed", 405, f"the route takes no {_method(scope)}")
        elif host_of(self._cloud).find(route.function) is None:
            error = FunctionNotFoundError(route.function)
        else:
            await host_of(self._cloud).serve(route.function, scope, receive, send)
            return
        await refuse_either(scope, send, error)


def _method(scope: Scope) -> str:
    """Return the request's method; a web socket's handshake is a GET (RFC 6455 4.1)."""
    return str(scope.get("method", "GET"))

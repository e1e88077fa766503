"""`/partners/...` and `/_fujie/partners/...`: the wire of the services outside the cloud."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.admin import json_body
from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.partners import api, oauth
from fujie_emulator.partners.errors import OAuthError, PartnerError
from fujie_emulator.partners.mcp_route import mcp_routes
from fujie_emulator.partners.pages import consent_page, refusal_page
from fujie_emulator.partners.state import Client, Partner, partner, register, summary

_DOCUMENT = "/v1/documents/{document:path}"
MAX_FORM = 64 * 1024
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
Handler = Callable[[Partner, Request], Awaitable[Response]]


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of all partners."""
    server = _AuthorizationServer(cloud)
    return [
        Route("/_fujie/partners/{name}", _admin(cloud), methods=["GET", "PUT"]),
        *mcp_routes(cloud),
        *_metadata_routes(cloud, server),
        _route(cloud, "/partners/{name}/authorize", "authorize", server.authorize, "GET"),
        _route(cloud, "/partners/{name}/authorize", "decide", server.decide, "POST"),
        _route(cloud, "/partners/{name}/token", "token", server.token, "POST"),
        _route(cloud, "/partners/{name}/revoke", "revoke", server.revoke, "POST"),
        _api(cloud, "weather", "/v1/current", "GetCurrentWeather", api.get_current_weather),
        _api(cloud, "time", "/v1/now", "GetCurrentTime", api.get_current_time),
        _api(cloud, "dingtalk", _DOCUMENT, "ReadDocument", api.read_text),
        _api(cloud, "dingtalk", _DOCUMENT, "WriteDocument", api.write_text, "POST"),
        _api(cloud, "", "/{path:path}", "Read", api.read_resource),
    ]


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return the registered partners, for the admin route."""
    return {name: summary(partner(cloud, name)) for name, _ in cloud.store.list("partners", "partner")}


async def import_resource(cloud: Cloud, document: dict[str, Any]) -> None:
    """Register the partner that an import names, with the fields of the admin route."""
    name, wanted = document.get("name"), document.get("partner")
    if not isinstance(name, str) or not isinstance(wanted, dict):
        raise CloudError("InvalidParameter", 400, "A partner needs a name and an object `partner`.")
    register(cloud, name, wanted)


def _admin(cloud: Cloud) -> Callable[[Request], Awaitable[Response]]:
    async def admin(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            found = register(cloud, name, await json_body(request)) if request.method == "PUT" else partner(cloud, name)
        except PartnerError as error:
            raise CloudError("EntityNotExist.Partner", error.status, error.message) from error
        return JSONResponse(summary(found))

    return admin


def _metadata_routes(cloud: Cloud, server: "_AuthorizationServer") -> list[BaseRoute]:
    """Serve RFC 8414's address (suffix inserted before the path) and the appended one that many clients try."""
    return [
        _route(cloud, "/partners/{name}/.well-known/oauth-authorization-server", "metadata", server.metadata, "GET"),
        _route(cloud, "/.well-known/oauth-authorization-server/partners/{name}", "metadata", server.metadata, "GET"),
    ]


def _api(cloud: Cloud, name: str, path: str, action: str, endpoint: api.Endpoint, method: str = "GET") -> Route:
    """Serve an address of one partner's API, or of any partner's when `name` is empty."""

    async def answer(found: Partner, request: Request) -> Response:
        return JSONResponse(await endpoint(cloud, found, request), headers=NO_STORE)

    prefix = f"/partners/{name or '{name}'}/api"
    return Route(prefix + path, _guarded(cloud, action, answer, name), methods=[method])


def _route(cloud: Cloud, path: str, action: str, handler: Handler, method: str) -> Route:
    return Route(path, _guarded(cloud, action, handler), methods=[method])


def _guarded(cloud: Cloud, action: str, handler: Handler, fixed: str = "") -> Callable[[Request], Awaitable[Response]]:
    """Journal the request, spend faults, find the partner, and render refusals as JSON."""

    async def guarded(request: Request) -> Response:
        name = fixed or request.path_params["name"]
        note(service=f"partner.{name[:64]}", action=action)
        try:
            await cloud.faults.apply(f"partner.{name}", action)
            return await handler(partner(cloud, name), request)
        except PartnerError as error:
            note(code=error.code)
            return JSONResponse(error.as_dict(), error.status, NO_STORE | error.headers)
        except CloudError as error:
            note(code=error.code)
            return JSONResponse(PartnerError(error.status, error.code, error.message).as_dict(), error.status, NO_STORE)

    return guarded


@dataclass(frozen=True)
class _AuthorizationServer:
    cloud: Cloud

    async def metadata(self, found: Partner, _: Request) -> Response:
        return JSONResponse(oauth.metadata(self.cloud, found))

    async def authorize(self, found: Partner, request: Request) -> Response:
        params = _single(request.url.query)
        try:
            target = oauth.redirect_target(self.cloud, found, params)
        except OAuthError as error:
            note(code=error.code)
            return refusal_page(request, found, error.message, 400)
        try:
            asked = oauth.authorization_request(self.cloud, found, params, target)
        except OAuthError as error:
            note(code=error.code)
            return self._back(found, target, {"error": error.code, "state": params.get("state", "")})
        pending = oauth.keep_pending(self.cloud, asked)
        return consent_page(request, found, asked, pending, {user.name: user.user_id for user in self.cloud.users})

    async def decide(self, found: Partner, request: Request) -> Response:
        form = await _form(request)
        try:
            asked = oauth.take_pending(self.cloud, found, form.get("request", ""))
        except OAuthError as error:
            note(code=error.code)
            return refusal_page(request, found, error.message, 400)
        account = form.get("account", "")
        if form.get("decision") != "allow":
            note(code="access_denied")
            return self._back(found, asked.redirect_uri, {"error": "access_denied", "state": asked.state})
        if account not in {user.name for user in self.cloud.users}:
            return refusal_page(request, found, "Choose one of the accounts. Go back and start again.", 400)
        note(caller=Caller("user", name=account))
        code = oauth.issue_code(self.cloud, asked, account)
        return self._back(found, asked.redirect_uri, {"code": code, "state": asked.state})

    async def token(self, found: Partner, request: Request) -> Response:
        form = await _form(request)
        client = self._client(found, request, form)
        return JSONResponse(oauth.answer_token_request(self.cloud, found, client, form), headers=NO_STORE)

    async def revoke(self, found: Partner, request: Request) -> Response:
        form = await _form(request)
        oauth.revoke(self.cloud, found, self._client(found, request, form), form.get("token", ""))
        return Response(status_code=200, headers=NO_STORE)

    def _client(self, found: Partner, request: Request, form: dict[str, str]) -> Client:
        basic = _basic(request)
        if basic is not None and form.get("client_secret"):
            raise OAuthError(400, "invalid_request", "Authenticate in one way, not in two.")
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        return oauth.authenticated_client(found, client_id, secret)

    def _back(self, found: Partner, target: str, answer: dict[str, str]) -> Response:
        answer = {name: value for name, value in answer.items() if value}
        parts = urlsplit(target)
        query = "&".join(filter(None, [parts.query, urlencode(answer | {"iss": oauth.issuer(self.cloud, found)})]))
        return RedirectResponse(
            urlunsplit(parts._replace(query=query)), 303, NO_STORE | {"referrer-policy": "no-referrer"}
        )


def _basic(request: Request) -> tuple[str, str] | None:
    """Return the client's id and secret of a Basic header; both are form-encoded inside (RFC 6749 2.3.1)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError(401, "invalid_client", "The Basic header cannot be read.") from error
    return unquote_plus(client_id), unquote_plus(secret)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError(400, "invalid_request", "The body must be a form.")
    body = await read_body(request, MAX_FORM)
    try:
        return _single(body.decode())
    except UnicodeDecodeError as error:
        raise OAuthError(400, "invalid_request", "The form is not UTF-8.") from error


def _single(query: str) -> dict[str, str]:
    """Return parameters that each occur once, as OAuth requires (RFC 6749 3.1)."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=64)
    except ValueError as error:
        raise OAuthError(400, "invalid_request", "Too many parameters.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthError(400, "invalid_request", "A parameter occurs twice.")
    return dict(pairs)

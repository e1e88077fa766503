"""The sign-in service's URLs."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.journal import fingerprint, note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.signin import authorize, grants, keys, pages, state
from fujie_emulator.signin.errors import OAuthError, RequestRefused, invalid_client, invalid_request

_LARGEST_FORM = 16 * 1024
_MOST_FIELDS = 30
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_Endpoint = Callable[[Request], Awaitable[Response]]


def http_routes(cloud: Cloud) -> list[Route]:
    """Return the authorize page under /signin and the issuer's endpoints under /oauth."""

    async def show(request: Request) -> Response:
        return authorize.show(cloud, request)

    async def choose(request: Request) -> Response:
        return authorize.answer(cloud, request, await _form(request))

    async def token(request: Request) -> Response:
        form = await _form(request)
        app = state.authenticated_client(cloud, *_client_credentials(request, form))
        answer = state.token_answer(cloud, app, form)
        note(credential_fingerprint=fingerprint(answer["access_token"]))
        return JSONResponse(answer, headers=_NO_STORE)

    async def revoke(request: Request) -> Response:
        form = await _form(request)
        app = state.authenticated_client(cloud, *_client_credentials(request, form))
        grants.revoke(cloud, app, form.get("token", ""))
        return Response(status_code=200, headers=_NO_STORE)

    async def userinfo(request: Request) -> Response:
        return JSONResponse(_userinfo(cloud, request), headers=_NO_STORE)

    async def metadata(_: Request) -> Response:
        return JSONResponse(state.discovery(cloud))

    async def public_keys(_: Request) -> Response:
        return JSONResponse({"keys": keys.public_keys(cloud)})

    def route(path: str, method: str, action: str, endpoint: _Endpoint) -> Route:
        return Route(path, _guarded(cloud, action, endpoint), methods=[method])

    return [
        route(authorize.PATH, "GET", "Authorize", show),
        route(authorize.PATH, "POST", "Choose", choose),
        route("/oauth/v1/token", "POST", "Token", token),
        route("/oauth/v1/revoke", "POST", "Revoke", revoke),
        route("/oauth/v1/userinfo", "GET", "UserInfo", userinfo),
        route("/oauth/v1/keys", "GET", "Keys", public_keys),
        route("/oauth/.well-known/openid-configuration", "GET", "Discovery", metadata),
        route("/oauth/.well-known/oauth-authorization-server", "GET", "Discovery", metadata),
    ]


def _guarded(cloud: Cloud, action: str, endpoint: _Endpoint) -> _Endpoint:
    """Give an endpoint its journal row, its faults and its errors."""

    async def guarded(request: Request) -> Response:
        note(service=keys.SERVICE, action=action)
        await cloud.faults.apply(keys.SERVICE, action)
        try:
            return await endpoint(request)
        except RequestRefused as error:
            note(code="RequestRefused")
            return pages.message(request, "refused_title", str(error), status=400)
        except OAuthError as error:
            note(code=error.error)
            return _error_answer(error)

    return guarded


def _error_answer(error: OAuthError) -> Response:
    headers = dict(_NO_STORE)
    if error.error == "invalid_client":
        headers["www-authenticate"] = 'Basic realm="oauth"'
    elif error.error == "invalid_token":
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status, headers)


async def _form(request: Request) -> dict[str, str]:
    """Return an urlencoded form of bounded size whose fields are not repeated."""
    body = await read_body(request, _LARGEST_FORM)
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        raise invalid_request("Send application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise invalid_request("The form cannot be read.") from error
    if len(dict(pairs)) != len(pairs):
        raise invalid_request("A parameter is repeated.")
    return dict(pairs)


def _client_credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Return client id and secret, from the Basic header or from the form, never from both."""
    header = request.headers.get("authorization", "")
    if not header:
        return form.get("client_id", ""), form.get("client_secret", "")
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic" or "client_secret" in form:
        raise invalid_client()
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise invalid_client() from error
    if form.get("client_id", unquote(client_id)) != unquote(client_id):
        raise invalid_client()
    return unquote(client_id), unquote(secret)


def _userinfo(cloud: Cloud, request: Request) -> dict[str, Any]:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    active = state.introspect(cloud, token) if kind.lower() == "bearer" else None
    user = state.user_by_id(cloud, active.user_id) if active else None
    if active is None or user is None or "openid" not in active.scopes:
        raise OAuthError("invalid_token", "Send a good access token with the scope openid as bearer.", status=401)
    note(credential_fingerprint=fingerprint(token))
    return state.person_claims(cloud, user, active.scopes)

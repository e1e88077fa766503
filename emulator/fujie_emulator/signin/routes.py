"""The sign-in service's URLs."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Route, Router

from fujie_emulator.agentidentity.hosts import PUBLIC_HOSTS
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.journal import fingerprint, note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.signin import authorize, grants, keys, pages, state
from fujie_emulator.signin.account import PUBLIC, account_issuer
from fujie_emulator.signin.errors import OAuthError, RequestRefused, invalid_client, invalid_request
from fujie_emulator.signin.issuer import Addresses, Issuer

_LARGEST_FORM = 16 * 1024
_MOST_FIELDS = 30
_BEARER_ERRORS = ("invalid_token", "insufficient_scope")
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_Endpoint = Callable[[Request], Awaitable[Response]]


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the account's issuer, the same under its public host names, and the route that rotates its keys."""
    issuer = account_issuer(cloud)

    async def rotate(_: Request) -> Response:
        return JSONResponse({"kid": keys.rotate(issuer)}, 201)

    public = Router(issuer_routes(issuer, PUBLIC))
    return [
        *(Host(name, app=public) for name in PUBLIC_HOSTS),
        *issuer_routes(issuer, issuer.addresses),
        Route("/_fujie/signin/keys", rotate, methods=["POST"]),
    ]


def issuer_routes(issuer: Issuer, at: Addresses) -> list[Route]:
    """Return the endpoints of one issuer at these paths."""

    async def show(request: Request) -> Response:
        return authorize.show(issuer, request)

    async def choose(request: Request) -> Response:
        return authorize.answer(issuer, request, await _form(request))

    async def token(request: Request) -> Response:
        form = await _form(request)
        app = state.authenticated_client(issuer, *_client_credentials(request, form))
        answer = state.token_answer(issuer, app, form)
        note(credential_fingerprint=fingerprint(answer["access_token"]))
        return JSONResponse(answer, headers=_NO_STORE)

    async def revoke(request: Request) -> Response:
        form = await _form(request)
        app = state.authenticated_client(issuer, *_client_credentials(request, form))
        if not form.get("token"):
            raise invalid_request("token is required.")  # RFC 7009 2.1
        grants.revoke(issuer, app, form["token"])
        return Response(status_code=200, headers=_NO_STORE)

    async def userinfo(request: Request) -> Response:
        return JSONResponse(_userinfo(issuer, request), headers=_NO_STORE)

    async def metadata(_: Request) -> Response:
        return JSONResponse(state.discovery(issuer))

    async def public_keys(_: Request) -> Response:
        return JSONResponse({"keys": keys.public_keys(issuer)})

    def route(path: str, methods: str, action: str, endpoint: _Endpoint) -> Route:
        return Route(path, _guarded(issuer.cloud, action, endpoint), methods=methods.split())

    documents = [*at.well_known("openid-configuration"), *at.well_known("oauth-authorization-server")]
    return [
        route(at.authorize, "GET", "Authorize", show),
        route(at.authorize, "POST", "Choose", choose),
        route(at.token, "POST", "Token", token),
        route(at.revoke, "POST", "Revoke", revoke),
        route(at.userinfo, "GET POST", "UserInfo", userinfo),
        route(at.keys, "GET", "Keys", public_keys),
        *(route(path, "GET", "Discovery", metadata) for path in documents),
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
    elif error.error in _BEARER_ERRORS:  # RFC 6750 3.1
        headers["www-authenticate"] = f'Bearer error="{error.error}"'
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


def _userinfo(issuer: Issuer, request: Request) -> dict[str, Any]:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    active = state.active_token(issuer, token) if kind.lower() == "bearer" else None
    user = issuer.user(active.user_id) if active else None
    if active is None or user is None:
        raise OAuthError("invalid_token", "Send a good access token as bearer.", status=401)
    if "openid" not in active.scopes:
        raise OAuthError("insufficient_scope", "The token lacks the scope openid.", status=403)
    note(credential_fingerprint=fingerprint(token))
    return issuer.people.claims(user, active.scopes)

"""`/partners/aliyun/mcp`: the door of the MCP server, where the token is checked."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from fujie_emulator.core.call import Caller
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import fingerprint, note
from fujie_emulator.partners.errors import PartnerError
from fujie_emulator.partners.mcp_server import serve_mcp

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

PATH = "/partners/aliyun/mcp"
SCOPE = "/acs/mcp-server"
SERVICE = "partner.aliyun"
_METADATA = "/.well-known/oauth-protected-resource"


def mcp_routes(cloud: "Cloud") -> list[BaseRoute]:
    """Return the MCP endpoint and its protected-resource metadata (RFC 9728)."""

    async def metadata(_: Request) -> Response:
        note(service=SERVICE, action="metadata")
        return JSONResponse(
            {
                "resource": cloud.base_url + PATH,
                "authorization_servers": [f"{cloud.base_url}/oauth"],
                "scopes_supported": [SCOPE],
                "bearer_methods_supported": ["header"],
                "resource_name": "Alibaba Cloud MCP server (emulated)",
            }
        )

    return [Route(_METADATA + PATH, metadata), Route(PATH + _METADATA, metadata), Route(PATH, _McpEndpoint(cloud))]


class _McpEndpoint:
    """An ASGI endpoint: checks the bearer token, then lets the MCP server answer."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        note(service=SERVICE, action="")
        try:
            await self._serve(request, send)
        except (PartnerError, CloudError) as error:
            note(code=error.code)
            body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": error.message}}
            await JSONResponse(body, error.status, error.headers)(scope, receive, send)

    async def _serve(self, request: Request, send: Send) -> None:
        await self._cloud.faults.apply(SERVICE, "")
        user_id, name = self._user(request)
        note(caller=Caller("bearer", name=name))
        if request.method != "POST":
            raise PartnerError(405, "method_not_allowed", "This server is stateless: use POST.", {"allow": "POST"})
        await serve_mcp(request, send, user_id=user_id, name=name, region=self._cloud.region)

    def _user(self, request: Request) -> tuple[str, str]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self._challenge(401, "invalid_token", "An access token is needed.")
        note(credential_fingerprint=fingerprint(token.strip()))
        found = introspected(self._cloud, token.strip())
        if found is None:
            raise self._challenge(401, "invalid_token", "The access token is unknown, expired or revoked.")
        user_id, name, scopes = found
        if SCOPE not in scopes:
            raise self._challenge(403, "insufficient_scope", f"The token lacks the scope {SCOPE}.")
        return user_id, name

    def _challenge(self, status: int, code: str, message: str) -> PartnerError:
        resource = f'resource_metadata="{self._cloud.base_url}{_METADATA}{PATH}"'
        header = f'Bearer error="{code}", error_description="{message}", scope="{SCOPE}", {resource}'
        return PartnerError(status, code, message, {"www-authenticate": header})


def introspected(cloud: "Cloud", unverified_token: str) -> tuple[str, str, frozenset[str]] | None:
    """Return user id, user name and scopes of a token of the cloud's sign-in, or None when it does not count."""
    from fujie_emulator.signin.state import introspect

    found = introspect(cloud, unverified_token)
    return None if found is None else (found.user_id, found.name, frozenset(found.scopes))

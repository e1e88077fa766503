"""What `chat` says when somebody signed out."""

from fastapi import APIRouter, Request, Response

from fujie.identity.revoking import PATH, revoke_quietly
from fujie.secret import Secret
from functions.callback.connecting import PartsOf

routes = APIRouter()


@routes.post(PATH)
async def signed_out(request: Request, parts: PartsOf) -> Response:
    """Revoke the refresh token of a withdrawn delegation; for `chat` alone."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if parts.revoker is None or scheme.lower() != "bearer" or not token.strip():
        return Response(status_code=401)
    return Response(status_code=await revoke_quietly(parts.revoker, Secret(token.strip())))

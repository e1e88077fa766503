"""ON_BEHALF_OF: a token for another application that says "this workload, for this user", made by an emulated IDaaS.

The real IDaaS keeps a user's sign-in at a user pool, found by pool, user and session. There are no user pools here,
so an admin route hosts such a sign-in, and says which resource servers the provider may act at:

    PUT /_fujie/idaas {"resource_servers": {AUDIENCE: [SCOPE]}, "inbound": [{"issuer", "subject", "session_id"}]}
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fujie_emulator.agentidentity import state as control
from fujie_emulator.agentidentitydata.errors import inbound_missing, resource_server_not_authorized, scope_not_granted
from fujie_emulator.agentidentitydata.wat import SERVICE, UserContext, WorkloadAccess
from fujie_emulator.core.admin import json_body
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.signin import keys

LIFETIME_S = 1200  # measured by the authors of a public sample
ISSUER = "/idaas/api/v2/iauths_system/oauth2"
_RESOURCE, _INBOUND = "idaas-resource", "idaas-inbound"


@dataclass(frozen=True)
class Idaas:
    """The emulated IDaaS as something that signs."""

    cloud: Cloud

    @property
    def url(self) -> str:
        return self.cloud.base_url + ISSUER

    def kind(self, name: str) -> str:
        return f"idaas/{name}"


def delegated_token(cloud: Cloud, access: WorkloadAccess, *, audience: str, scopes: tuple[str, ...]) -> str:
    """Return a JWT whose `sub` is the user and whose `act.sub` is the workload identity.

    Errors: Forbidden.InboundCredentialMissing, .IdaasRsNotAuthorized, .ScopeNotGranted (CloudError).
    """
    user = access.required_user()
    bound = control.workload_identity(cloud, access.identity)["SessionBindingEnabled"]
    if not bound or not user.session_id or cloud.store.get(SERVICE, _INBOUND, _inbound_key(user)) is None:
        raise inbound_missing()
    granted = cloud.store.get(SERVICE, _RESOURCE, audience)
    if granted is None:
        raise resource_server_not_authorized(audience)
    for scope in scopes:
        if scope not in granted["scopes"]:
            raise scope_not_granted(scope)
    idaas, now = Idaas(cloud), int(cloud.clock.time())
    claims = {"iss": idaas.url, "aud": audience, "sub": user.subject, "act": {"sub": access.identity_arn}}
    times = {"iat": now, "exp": now + LIFETIME_S}
    return keys.sign(idaas, claims | times | {"scope": " ".join(scopes), "session_id": user.session_id})


def verified(cloud: Cloud, unverified_token: str, *, audience: str) -> dict[str, Any] | None:
    """Return the claims of a token that this IDaaS made for that audience and that has not ended; else None."""
    idaas = Idaas(cloud)
    try:
        claims = jwt.decode(
            unverified_token, KeySet.import_key_set({"keys": keys.public_keys(idaas)}), ["RS256"]
        ).claims
    except (JoseError, ValueError, TypeError):
        return None
    is_ours = claims.get("iss") == idaas.url and claims.get("aud") == audience
    return claims if is_ours and claims.get("exp", 0) > cloud.clock.time() else None


def http_routes(cloud: Cloud) -> list[Route]:
    """Return the emulated IDaaS's metadata and keys, and the admin route that sets it up."""
    idaas = Idaas(cloud)

    async def metadata(_: Request) -> Response:
        return JSONResponse({"issuer": idaas.url, "jwks_uri": f"{idaas.url}/jwks"})

    async def jwks(_: Request) -> Response:
        return JSONResponse({"keys": keys.public_keys(idaas)})

    async def setup(request: Request) -> Response:
        wanted = await json_body(request)
        with cloud.store.transaction():
            _host(cloud, wanted)
        return Response(status_code=204)

    return [
        Route(f"{ISSUER}/.well-known/openid-configuration", metadata),
        Route(f"{ISSUER}/jwks", jwks),
        Route("/_fujie/idaas", setup, methods=["PUT"]),
    ]


def _host(cloud: Cloud, wanted: dict[str, Any]) -> None:
    for audience, scopes in _typed(wanted, "resource_servers", dict).items():
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise invalid_parameter("resource_servers", "it must map audiences to lists of scopes.")
        cloud.store.put(SERVICE, _RESOURCE, audience, {"scopes": scopes})
    for signed_in in _typed(wanted, "inbound", list):
        names = ("issuer", "subject", "session_id")
        if not isinstance(signed_in, dict) or not all(isinstance(signed_in.get(name), str) for name in names):
            raise invalid_parameter("inbound", f"each must hold the strings {', '.join(names)}.")
        issuer, subject, session_id = (signed_in[name] for name in names)
        user = UserContext("jwt", subject, issuer, session_id=session_id)
        cloud.store.put(SERVICE, _INBOUND, _inbound_key(user), {"session_id": session_id})


def _typed(wanted: dict[str, Any], name: str, kind: type) -> Any:
    value = wanted.get(name, kind())
    if not isinstance(value, kind):
        raise invalid_parameter(name, "it has the wrong type.")
    return value


def _inbound_key(user: UserContext) -> str:
    return hashlib.sha256(json.dumps([user.issuer, user.subject, user.session_id]).encode()).hexdigest()

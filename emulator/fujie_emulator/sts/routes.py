"""STS's actions: wire in, wire out."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.clock import iso
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.iam import StsCredentials, authorize
from fujie_emulator.core.iam import assume_role as core_assume_role
from fujie_emulator.sts import oidc, state

VERSION = "2015-04-01"
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SOURCE_IDENTITY = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
Answer = dict[str, Any]


def assume_role(cloud: Cloud, call: RpcCall) -> Answer:
    """Answer a key of the role when the caller's policies and the role's trust policy both allow it.

    The real STS refuses the root key; here it may, if the role trusts the account, for it is the only lasting key
    that a fresh account has.
    """
    role_arn = call.text("RoleArn")
    role_name = state.role_name_from_arn(cloud, role_arn)
    asked = _asked(call, {"ExternalId": _EXTERNAL_ID, "SourceIdentity": _SOURCE_IDENTITY})
    context = {f"sts:{name}": value for name, value in asked.items()}
    authorize(cloud, call.caller, "sts:AssumeRole", [role_arn], context)
    issued = _issued(cloud, call, role_name, {"RAM": call.caller.arn}, context)
    return _answer(issued) | {name: asked[name] for name in ("SourceIdentity",) if name in asked}


async def assume_role_with_oidc(cloud: Cloud, call: RpcCall) -> Answer:
    """Answer a key of the role to whoever holds a token of an identity provider that the role trusts."""
    role_name = state.role_name_from_arn(cloud, call.text("RoleArn"))
    arn = call.text("OIDCProviderArn")
    token = await oidc.verified_token(cloud, oidc.provider_of(cloud, arn), call.text("OIDCToken"))
    issued = _issued(cloud, call, role_name, {"Federated": arn}, token.conditions())
    info = {
        "Issuer": token.issuer,
        "Subject": token.subject,
        "ClientIds": ",".join(token.audiences),
        "IssuanceTime": _iso(token.issued_at),
        "ExpirationTime": _iso(token.expires_at),
        "VerificationInfo": "Success",
    }
    return _answer(issued) | {"OIDCTokenInfo": info}


def _iso(epoch_s: int) -> str:
    """Write epoch seconds the way the cloud does."""
    return iso(datetime.fromtimestamp(epoch_s, UTC))


def _asked(call: RpcCall, patterns: dict[str, re.Pattern[str]]) -> dict[str, str]:
    given = {name: call.text(name, required=False) for name in patterns}
    for name, value in given.items():
        if value and not patterns[name].fullmatch(value):
            raise invalid_parameter(name, "letters, digits and a few signs are right.")
    return {name: value for name, value in given.items() if value}


def _issued(
    cloud: Cloud, call: RpcCall, role_name: str, principal: dict[str, str], context: dict[str, str]
) -> StsCredentials:
    return core_assume_role(
        cloud,
        role_name,
        principal=principal,
        session_name=call.text("RoleSessionName"),
        duration_s=call.integer("DurationSeconds", 3600),
        policy=call.document("Policy") if call.text("Policy", required=False) else None,
        context=context,
    )


def _answer(issued: StsCredentials) -> Answer:
    return {"Credentials": issued.credentials(), "AssumedRoleUser": issued.assumed_role_user()}


def get_caller_identity(cloud: Cloud, call: RpcCall) -> Answer:
    """Answer who signed; nobody needs a permission for that."""
    return state.identity(cloud, call.caller)


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer | Awaitable[Answer]]] = {
    "AssumeRole": assume_role,
    "AssumeRoleWithOIDC": assume_role_with_oidc,
    "GetCallerIdentity": get_caller_identity,
}

ANONYMOUS = frozenset({"AssumeRoleWithOIDC"})  # the token is what proves the caller

REFUSED: dict[str, str] = {"AssumeRoleWithSAML": "RAM has no SAML identity providers here"}

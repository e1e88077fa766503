"""Tokens of the cloud's IDaaS at a partner's API: somebody who acts, in the name of a user."""

from typing import TYPE_CHECKING

from fujie_emulator.agentidentitydata import on_behalf
from fujie_emulator.partners.errors import insufficient_scope, unauthorized
from fujie_emulator.partners.oauth import Grant
from fujie_emulator.partners.state import Partner

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud


def audience_of(found: Partner) -> str:
    """Return what such a token has to be made for."""
    return f"urn:partner:{found.name}"


def delegated_grant(cloud: "Cloud", found: Partner, unverified_token: str, scope: str) -> Grant:
    """Return what the token stands for, whose `act` acts for its `sub`; raise PartnerError 401 or, by scope, 403."""
    claims = on_behalf.verified(cloud, unverified_token, audience=audience_of(found))
    if claims is None:
        raise unauthorized("The token is not one of the IDaaS for this API, or has expired.")
    scopes = tuple(str(claims.get("scope", "")).split())
    if scope and scope not in scopes:
        raise insufficient_scope(scope)
    account = next((user.name for user in cloud.users if user.user_id == claims["sub"]), str(claims["sub"]))
    return Grant(found.name, account, scopes, str(claims["act"]["sub"]), claims["aud"])

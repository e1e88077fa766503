"""What the user has allowed at providers: listed, and taken back."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from fujie import clock
from fujie.identity.grants import words_of
from fujie.identity.rows import Grant
from functions.chat.errors import UnknownError
from functions.chat.guard import Id, OwnPage, PartsOf, SignedIn

routes = APIRouter(prefix="/api/grants")


@routes.get("")
async def grants(session: SignedIn, parts: PartsOf) -> dict[str, Any]:
    """The user's own that stand."""
    return {"grants": [_shown(row) for row in await parts.store.grants(session.user)]}


@routes.delete("/{grant_id}")
async def withdraw(grant_id: Id, session: OwnPage, parts: PartsOf) -> dict[str, str]:
    """Take a permission back: its next use asks again. Somebody else's is not found, like one that is not there.

    `at_provider` says whether the provider has revoked it, too, or has to be told by the person.
    """
    withdrawn = await parts.store.withdraw_grant(grant_id, session.user, clock.now())
    if withdrawn is None:
        raise UnknownError("there is no such permission")
    return {"at_provider": await parts.withdrawn.tell(session, withdrawn.provider) if parts.withdrawn else "unreached"}


def _shown(grant: Grant) -> Mapping[str, Any]:
    name, words = words_of(grant)
    return {
        "id": grant.id,
        "provider": grant.provider,
        "provider_name": name,
        "scopes": [{"name": scope, "words": words.get(scope, {})} for scope in grant.scopes],
        "granted_at": grant.granted_at.isoformat(),
        "last_used_at": grant.last_used_at.isoformat() if grant.last_used_at else None,
    }

"""The last step of a consent: the cloud is told which user it was, and only then redeems the provider's code."""

import logging
from datetime import datetime

from fujie import clock
from fujie.errors import FujieError
from fujie.identity.acting import Refresher, is_same_person, open_tokens
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import Opener, row_id_of
from fujie.identity.errors import DelegationMismatchError
from fujie.identity.grants import grant_from_consent
from fujie.identity.port import IdentityStore
from fujie.identity.rows import Consent

_log = logging.getLogger(__name__)


async def complete(
    data_plane: DataPlane,
    opener: Opener,
    store: IdentityStore,
    consent: Consent,
    *,
    refresh: Refresher | None = None,
    now: datetime | None = None,
) -> None:
    """Complete a consent that `ConsentDesk.take_return` gave, with the user's own token.

    Raises DelegationMismatchError, DelegationExpiredError, or what the cloud answers.
    """
    delegation = await store.delegation(row_id_of(consent.delegation_id))
    if delegation is None or not is_same_person(delegation.user, consent.user):
        raise DelegationMismatchError("the consent and its delegation have different owners")
    tokens = await open_tokens(
        store, opener, delegation, consent.delegation_id, refresh=refresh, now=now or clock.now()
    )
    await data_plane.complete_resource_token_auth(consent.session_uri, tokens.id_token)
    try:
        await grant_from_consent(store, consent, now or clock.now())
    except FujieError as error:
        # The cloud has the permission. The next use finds it there and notes it; one withdrawn before is asked again.
        _log.error("a completed consent could not be kept as a grant: %s", error.code)

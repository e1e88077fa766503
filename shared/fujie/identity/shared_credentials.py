"""API keys and access tokens that instances share through the store, each in an envelope; never STS credentials.

An instance that starts asks the store before it asks the cloud. A row opens only for exactly the person, workload,
provider, scopes, kind and generation that it was kept for, and only to who can have its data key unwrapped; whatever
else it is, is a miss. What it is worth and until when lies inside: a row cannot be made to last longer.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fujie import clock
from fujie.errors import FujieError
from fujie.identity.credential_cache import NO_TIME
from fujie.identity.credential_key import CacheKey
from fujie.identity.envelope import MAX_SEALED, KeyWrapper, digest, seal, unseal
from fujie.identity.port import IdentityStore
from fujie.identity.rows import SealedCredential
from fujie.secret import Secret

SHARED_KINDS = ("api_key", "oauth")
MAX_ROWS = 4096
LONGEST = timedelta(hours=1)
"""However long a credential lives: after this each instance asks the cloud again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedSecret:
    """A credential, when it ends, and until when it may be handed out again."""

    secret: Secret
    expires_at: datetime | None
    until: datetime


class SharedCredentials:
    """Keeps credentials for the other instances of a function, and finds those that they kept."""

    def __init__(self, store: IdentityStore, wrapper: KeyWrapper, *, now: clock.Clock = clock.now) -> None:
        self._store = store
        self._wrapper = wrapper
        self._now = now

    async def get(self, key: CacheKey, *, lasting: timedelta = NO_TIME) -> SharedSecret | None:
        """Return what another instance kept and will not have ended after `lasting`; None for every other case."""
        try:
            opened = await self._opened(key) if key.kind in SHARED_KINDS else None
        except FujieError as error:  # whether the store or the key is away: the cloud can still be asked
            log.warning("a shared credential could not be read: %s", error.code)
            return None
        found = _shared_from_text(opened) if opened else None
        return found if found is not None and self._now() + lasting < found.until else None

    async def put(self, key: CacheKey, shared: SharedSecret) -> None:
        """Keep it for the others; where that cannot be done, nothing is kept."""
        now, words = self._now(), asdict(key)
        until = min(shared.until, now + LONGEST)
        if key.kind not in SHARED_KINDS or until <= now:
            return
        try:
            sealed = await seal(self._wrapper, _text_from_shared(shared, until), words)
            if len(sealed) <= MAX_SEALED:
                await self._store.keep_credential(SealedCredential(digest(words), sealed, until), now, MAX_ROWS)
        except FujieError as error:
            log.warning("a credential could not be shared: %s", error.code)

    async def forget(self, key: CacheKey) -> None:
        """Drop what is kept, because its receiver refused it."""
        try:
            await self._store.drop_credential(digest(asdict(key)))
        except FujieError as error:
            log.warning("a shared credential could not be dropped: %s", error.code)

    async def _opened(self, key: CacheKey) -> Secret | None:
        words = asdict(key)
        row = await self._store.kept_credential(digest(words))
        return None if row is None else await unseal(self._wrapper, row.sealed, words)


def _text_from_shared(shared: SharedSecret, until: datetime) -> Secret:
    ends = shared.expires_at.timestamp() if shared.expires_at else None
    return Secret(json.dumps({"secret": shared.secret.reveal(), "exp": ends, "until": until.timestamp()}))


def _shared_from_text(text: Secret) -> SharedSecret:
    """Return what `put` wrote: the seal has held, so nobody else did."""
    inside: dict[str, Any] = json.loads(text.reveal())
    ends = None if inside["exp"] is None else datetime.fromtimestamp(inside["exp"], UTC)
    return SharedSecret(Secret(inside["secret"]), ends, datetime.fromtimestamp(inside["until"], UTC))

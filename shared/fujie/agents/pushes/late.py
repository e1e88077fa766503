"""The push notifications of an agent that may never send one: what they need is imported when somebody wants them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fujie.agents.port import Runs
    from fujie.agents.pushes.service import Pushes
    from fujie.secret import Secret
    from fujie.sessions.port import Store
    from fujie.sessions.rows import Run


class LatePushes:
    """Makes the Pushes at their first use: over a store with a key they are kept, else remembered by this process.

    An agent whose own public address is this machine's, or which only this machine reaches, may call this machine:
    that is how it is developed.
    """

    def __init__(
        self,
        public_url: str,
        store: "Store | None" = None,
        signing_key: "Secret | None" = None,
        *,
        only_local: bool = False,
    ) -> None:
        self._public_url = public_url
        self._only_local = only_local
        self._store = store
        self._signing_key = signing_key
        self._made: Pushes | None = None

    def now(self) -> "Pushes":
        """Return the Pushes."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def changed(self, runs: "Runs", run: "Run") -> None:
        """Tell of a run; where nothing is kept and nobody has asked yet, there is nobody to tell."""
        if self._made is not None or self._is_kept:
            self.now().changed(runs, run)

    async def settled(self, run_id: str) -> None:
        """Return when a run's last change is told."""
        if self._made is not None:
            await self._made.settled(run_id)

    async def close(self) -> None:
        """End the telling."""
        if self._made is not None:
            await self._made.close()

    @property
    def _is_kept(self) -> bool:
        return self._store is not None and self._signing_key is not None

    def _make(self) -> "Pushes":
        from urllib.parse import urlsplit

        from fujie.agents.pushes.addresses import (
            Addresses,
            RememberedAddresses,
            StoredAddresses,
            keys_for_addresses,
        )
        from fujie.agents.pushes.sending import Sender
        from fujie.agents.pushes.service import Pushes
        from fujie.http import is_loopback

        addresses: Addresses = RememberedAddresses()
        if self._store is not None and self._signing_key is not None:
            addresses = StoredAddresses(self._store, keys_for_addresses(self._signing_key))
        is_local = self._only_local or is_loopback(urlsplit(self._public_url).hostname or "")
        return Pushes(addresses, Sender(local=is_local), local=is_local)

"""Where notifications go, by run: kept in the store under seal, or remembered by this process alone."""

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

from fujie.identity.envelope import HeldKeys, KeyWrapper, WrappingKey, seal, unseal
from fujie.identity.keys import keys_from_jwk
from fujie.protocols.a2a.push_config import PushConfig
from fujie.secret import Secret
from fujie.sessions.port import Store
from fujie.sessions.rows import PushAddress

MAX_RUNS = 1000
"""Runs whose addresses are remembered without a store."""
_LABEL = b"fujie push addresses 1"


class Addresses(Protocol):
    """Addresses by run; ids are unique within one."""

    async def put(self, run_id: str, config: PushConfig) -> None: ...
    async def of(self, run_id: str) -> Sequence[PushConfig]: ...
    async def drop(self, run_id: str, config_id: str | None = None) -> None: ...


class RememberedAddresses(Addresses):
    """In this process, for the newest runs."""

    def __init__(self) -> None:
        self._by_run: OrderedDict[str, dict[str, PushConfig]] = OrderedDict()

    async def put(self, run_id: str, config: PushConfig) -> None:
        self._by_run.setdefault(run_id, {})[config.id] = config
        while len(self._by_run) > MAX_RUNS:
            self._by_run.popitem(last=False)

    async def of(self, run_id: str) -> Sequence[PushConfig]:
        found = self._by_run.get(run_id, {})
        return [found[key] for key in sorted(found)]

    async def drop(self, run_id: str, config_id: str | None = None) -> None:
        if config_id is None:
            self._by_run.pop(run_id, None)
        else:
            self._by_run.get(run_id, {}).pop(config_id, None)


class StoredAddresses(Addresses):
    """In the store, each in an envelope that is bound to its run and id."""

    def __init__(self, store: Store, wrapper: KeyWrapper) -> None:
        self._store = store
        self._wrapper = wrapper

    async def put(self, run_id: str, config: PushConfig) -> None:
        sealed = await seal(self._wrapper, _as_text(config), _bound(run_id, config.id))
        await self._store.put_push_address(PushAddress(run_id, config.id, sealed))

    async def of(self, run_id: str) -> Sequence[PushConfig]:
        """Return those that open; one that was sealed by a key which is no longer held is none."""
        rows = await self._store.push_addresses(run_id)
        opened = [(row, await unseal(self._wrapper, row.sealed, _bound(run_id, row.id))) for row in rows]
        return [_from_text(row.id, text) for row, text in opened if text is not None]

    async def drop(self, run_id: str, config_id: str | None = None) -> None:
        await self._store.drop_push_addresses(run_id, config_id)


def keys_for_addresses(signing_key: Secret) -> HeldKeys:
    """Return the keys of the envelopes, derived (HKDF, RFC 5869) from those by which the function signs."""
    keys = keys_from_jwk(signing_key.reveal(), setting="FUJIE_INTERNAL_SIGNING_KEY")
    return HeldKeys([WrappingKey(key.thumbprint(), _derived(str(key.as_dict(private=True)["d"]))) for key in keys])


def _derived(secret: str) -> bytes:
    extracted = hmac.digest(b"\0" * 32, secret.encode(), hashlib.sha256)
    return hmac.digest(extracted, _LABEL + b"\x01", hashlib.sha256)


def _bound(run_id: str, config_id: str) -> Mapping[str, object]:
    return {"what": "push address", "run": run_id, "id": config_id}


def _as_text(config: PushConfig) -> Secret:
    told = {"url": config.url, "scheme": config.scheme, "version": config.version}
    secrets = {"token": config.token.reveal(), "credentials": config.credentials.reveal()}
    return Secret(json.dumps(told | secrets))


def _from_text(config_id: str, text: Secret) -> PushConfig:
    told = json.loads(text.reveal())
    token, credentials = Secret(told["token"]), Secret(told["credentials"])
    return PushConfig(config_id, told["url"], token, told["scheme"], credentials, told["version"])

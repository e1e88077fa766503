"""What tool is made of: built once at start, handed to the app."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from fujie.errors import SettingsError
from fujie.http import http_client
from fujie.identity.acting import Refresher
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.consent import ConsentDesk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import Opener, Sealer
from fujie.identity.envelope import HeldKeys, wrapping_keys
from fujie.identity.internal import InternalVerifier
from fujie.identity.kms import KmsKey
from fujie.identity.ledger import Ledger, LedgerKey
from fujie.identity.outbound import CredentialBroker, StsCredential
from fujie.identity.shared_credentials import SharedCredentials
from fujie.identity.withdrawing import GrantRevoker, Vault, public_clients
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings, caller_key_from_environ
from fujie.tools.calling import Caller
from fujie.tools.declaration import Tool
from fujie.tools.registry import Registry

if TYPE_CHECKING:
    from fujie.objects.port import ObjectStore

FUNCTION = "tool"
MINTERS = ("process",)
"""Nobody else may have a tool called."""
WITHDRAWERS = ("chat",)
"""Nobody else says that a person has withdrawn a permission; the store has to say so, too."""


@dataclass(frozen=True)
class Parts:
    """The collaborators of tool's handlers."""

    settings: Settings
    store: Store
    http: httpx2.AsyncClient
    verifier: InternalVerifier
    opener: Opener
    refresher: Refresher | None
    """Renews sign-ins that ended while a run waited; None where the stack has no sign-in of its own."""
    registry: Registry
    caller: Caller
    revoker: GrantRevoker


def parts_from_settings(settings: Settings, tools: Iterable[Tool], *, store: Store | None = None) -> Parts:
    """Return the parts that the settings describe, nothing opened; raises SettingsError, naming what is missing."""
    if settings.sealing_private_key is None:
        raise SettingsError("FUJIE_SEALING_PRIVATE_KEY is not set", repair="give `tool` the stack's sealing key")
    if settings.ledger_key is None:
        raise SettingsError("FUJIE_LEDGER_KEY is not set", repair="give `tool` the stack's key for its ledger")
    http, registry = http_client(), Registry(tools)
    store = store or store_from_settings(settings)
    desk, shared = ConsentDesk(settings, store), _shared(settings, http, store)
    broker = CredentialBroker(settings, http, store, desk, caller_key_from_environ, shared=shared)
    ledger, opener = Ledger(store, LedgerKey(settings.ledger_key)), Opener(settings.sealing_private_key)
    refresher = _refresher(settings, http)
    vault = Vault(
        DataPlane(settings, http, caller_key_from_environ),
        settings.workload_identity,
        f"{settings.public_url}/callback",
    )
    from_chat = InternalVerifier(FUNCTION, settings.internal_public_keys, WITHDRAWERS)
    clients = public_clients(settings.public_clients)
    return Parts(
        settings=settings,
        store=store,
        http=http,
        verifier=InternalVerifier(FUNCTION, settings.internal_public_keys, MINTERS),
        opener=opener,
        refresher=refresher,
        registry=registry,
        caller=Caller(registry, broker, settings, http, lambda sts: _objects(settings, sts), ledger),
        revoker=GrantRevoker(http, store, opener, from_chat, vault, clients, refresh=refresher, ledger=ledger),
    )


def _shared(settings: Settings, http: httpx2.AsyncClient, store: Store) -> SharedCredentials | None:
    """Return how instances share credentials: not at all, unless the stack gives a key for it."""
    if settings.shared_cache_kms_key:
        return SharedCredentials(store, KmsKey(settings, http, caller_key_from_environ))
    if settings.shared_cache_key is None:
        return None
    return SharedCredentials(
        store, HeldKeys(wrapping_keys(settings.shared_cache_key, setting="FUJIE_SHARED_CACHE_KEY"))
    )


def _refresher(settings: Settings, http: httpx2.AsyncClient) -> Refresher | None:
    if not (settings.oidc_issuer and settings.oidc_client_id and settings.sealing_public_key):
        return None
    verifier = IdTokenVerifier(http, settings.oidc_issuer, settings.oidc_client_id)
    return Refresher(settings, http, verifier, Sealer(settings.sealing_public_key))


def _objects(settings: Settings, sts: StsCredential) -> "ObjectStore":
    from fujie.objects.oss import OssObjectStore

    return OssObjectStore(settings.oss_endpoint, settings.oss_bucket, sts, region=settings.region)

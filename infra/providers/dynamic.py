"""The kinds of `kind.py` as a Pulumi provider.

Pulumi pickles a provider into the state. Ours holds one word, the kind's name, and this module is an installed one, so
the pickle is a reference of a few bytes that stays the same while the code changes.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from fujie.secret import Secret
from infra.config import CloudAddress
from infra.providers.clients import CloudClients, OperatorKey
from infra.providers.credential_provider import API_KEY_PROVIDER, OAUTH2_PROVIDER
from infra.providers.errors import CloudRefusal, NotOurs
from infra.providers.identity_provider import IDENTITY_PROVIDER
from infra.providers.kind import Kind, Properties, align, make
from infra.providers.oauth_application import OAUTH_APPLICATION
from infra.providers.token_vault import TOKEN_VAULT
from infra.providers.workload_identity import WORKLOAD_IDENTITY

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        WORKLOAD_IDENTITY,
        IDENTITY_PROVIDER,
        OAUTH2_PROVIDER,
        API_KEY_PROVIDER,
        TOKEN_VAULT,
        OAUTH_APPLICATION,
    )
}
_REGION, _CLOUD_URL, _ADOPT = "region", "cloud_url", "adopt"


class CloudProvider(ResourceProvider):
    """What our providers share: `clients` of the stack's cloud, and the names that are to be `adopted`."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the operator's key is the environment's, so that no state holds it."""
        url = os.environ.get("FUJIE_CLOUD_URL") or req.config.get(_CLOUD_URL) or ""
        self.clients = CloudClients(CloudAddress(req.config.require(_REGION), url), operator_key(os.environ))
        self.adopted = json.loads(req.config.get(_ADOPT) or "[]")


class CloudResourceProvider(CloudProvider):
    """Creates, reads, updates and deletes resources of one kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what cannot be right before anything is created."""
        return CheckResult(news, [CheckFailure(name, reason) for name, reason in self._kind.check(news)])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Tell what changed, and whether it takes another resource; one of the same name must go first."""
        kind = self._kind
        changed = kind.changed(_olds, _news)
        replaces = [name for name in changed if name in kind.key or name in kind.fixed]
        same_name = not any(name in kind.key for name in replaces)
        return DiffResult(bool(changed), replaces, delete_before_replace=bool(replaces) and same_name)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create it, or find again what an interrupted create left."""
        wanted = self._wanted(props)
        name = self._kind.id_of(wanted)
        with self._told(name, wanted):
            outputs = make(self.clients, self._kind, wanted, adopt=name in self.adopted)
        return CreateResult(name, {**wanted, **outputs})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Return what the cloud tells now; a secret, which it never tells, is believed to be as it was.

        As inputs too, or the engine would see that something differs and not say what.
        """
        kind, known = self._kind, self._wanted(props)
        with self._told(id_, known):
            found = kind.find(self.clients, known)
        if found is None:
            return ReadResult("", {})
        now = {**{name: known[name] for name in kind.unread if name in known}, **found}
        return ReadResult(id_, now, self._wanted(now))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change it in place; one that went away meanwhile is made again."""
        wanted = self._wanted(_news)
        with self._told(_id, wanted):
            found = self._kind.find(self.clients, wanted)
            if found is None:
                outputs = self._kind.create(self.clients, wanted)
            else:
                outputs = align(self.clients, self._kind, wanted, found)
        return UpdateResult({**wanted, **outputs})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete it; one that is gone is as wanted."""
        with self._told(_id, _props):
            self._kind.delete(self.clients, self._wanted(_props))

    def _told(self, name: str, props: Properties) -> AbstractContextManager[None]:
        secrets = [str(props[field]) for field in self._kind.unread if props.get(field)]
        return told(f"{self.kind} {name!r}", secrets)

    @property
    def _kind(self) -> Kind:
        return KINDS[self.kind]

    def _wanted(self, props: Properties) -> dict[str, Any]:
        return {name: props[name] for name in (*self._kind.key, *self._kind.fields) if name in props}


def operator_key(environ: Mapping[str, str]) -> OperatorKey:
    """Return the key of whoever applies the stack, from the variables that every Alibaba Cloud tool reads.

    Raises CloudRefusal when there is none.
    """
    key, secret = environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID"), environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if not key or not secret:
        raise CloudRefusal("no key: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    token = environ.get("ALIBABA_CLOUD_SECURITY_TOKEN")
    return OperatorKey(key, Secret(secret), Secret(token) if token else None)


@contextmanager
def told(what: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Tell of a refusal in one sentence that repeats no secret."""
    try:
        yield
    except NotOurs as error:
        raise CloudRefusal(f"{error.message}: {error.repair}") from None  # the engine shows the message alone
    except Exception as error:
        code, words = getattr(error, "code", ""), str(getattr(error, "message", ""))
        if not code and not words:  # the SDKs' own have one or the other: no code when nobody answered
            raise
        for secret in secrets:
            words = words.replace(secret, "***")
        raise CloudRefusal(": ".join(filter(None, (what, code, words)))) from None

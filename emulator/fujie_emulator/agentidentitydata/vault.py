"""The token vault: what each user allowed each provider, per set of scopes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fujie_emulator.agentidentitydata.wat import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.agentidentitydata.upstream import TokenAnswer
    from fujie_emulator.core.cloud import Cloud

# Documented: users with a refreshable token per provider; beyond it the least recently used has to consent again.
USERS_PER_PROVIDER = 1000
_SETS_PER_USER = 20  # different scope sets of one user at one provider


@dataclass(frozen=True)
class VaultToken:
    """One token at rest. `expires_at` is in epoch seconds of the cloud."""

    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float

    def covers(self, scopes: tuple[str, ...]) -> bool:
        """Tell whether everything asked for was granted."""
        return set(scopes) <= set(self.scopes)

    def as_doc(self) -> dict[str, Any]:
        """Return the token as the store keeps it."""
        return {
            "scopes": list(self.scopes),
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": self.expires_at,
        }


def find(cloud: "Cloud", provider: str, owner: str, scopes: tuple[str, ...]) -> VaultToken | None:
    """Return the newest token of `owner` that covers `scopes`, and mark the owner as recently used."""
    with cloud.store.transaction():
        tokens = _tokens(cloud, provider, owner)
        found = next((token for token in reversed(tokens) if token.covers(scopes)), None)
        if found is not None:
            _put(cloud, provider, owner, tokens)
    return found


def keep(
    cloud: "Cloud", provider: str, owner: str, answer: "TokenAnswer", *, replaces: VaultToken | None = None
) -> VaultToken:
    """Store what a token endpoint answered and return it; a refreshed token takes the place of the one it renews."""
    refresh = answer.refresh_token or (replaces.refresh_token if replaces else "")
    token = VaultToken(answer.scopes, answer.access_token, refresh, cloud.clock.time() + answer.expires_in_s)
    with cloud.store.transaction():
        others = [old for old in _tokens(cloud, provider, owner) if old != replaces and not token.covers(old.scopes)]
        _put(cloud, provider, owner, [*others, token][-_SETS_PER_USER:])
        if token.refresh_token:
            _evict(cloud, provider)
    return token


def forget(cloud: "Cloud", provider: str, owner: str, token: VaultToken) -> None:
    """Drop one token, e.g. one whose refresh was refused."""
    with cloud.store.transaction():
        rest = [old for old in _tokens(cloud, provider, owner) if old != token]
        if rest:
            _put(cloud, provider, owner, rest)
        else:
            cloud.store.delete(SERVICE, _kind(provider), owner)


def forget_provider(cloud: "Cloud", provider: str) -> None:
    """Drop everything that a provider granted."""
    for owner, _ in cloud.store.list(SERVICE, _kind(provider)):
        cloud.store.delete(SERVICE, _kind(provider), owner)


def _kind(provider: str) -> str:
    return f"vault/{provider}"


def _tokens(cloud: "Cloud", provider: str, owner: str) -> list[VaultToken]:
    doc = cloud.store.get(SERVICE, _kind(provider), owner) or {"tokens": []}
    return [VaultToken(**entry | {"scopes": tuple(entry["scopes"])}) for entry in doc["tokens"]]


def _put(cloud: "Cloud", provider: str, owner: str, tokens: list[VaultToken]) -> None:
    doc = {"used_at": cloud.clock.time(), "tokens": [token.as_doc() for token in tokens]}
    cloud.store.put(SERVICE, _kind(provider), owner, doc)


def _evict(cloud: "Cloud", provider: str) -> None:
    """Take from the least recently used users what can be refreshed, when there are too many of them."""
    docs = [
        (doc["used_at"], owner)
        for owner, doc in cloud.store.list(SERVICE, _kind(provider))
        if any(token["refresh_token"] for token in doc["tokens"])
    ]
    for _, owner in sorted(docs)[: max(len(docs) - USERS_PER_PROVIDER, 0)]:
        cloud.store.delete(SERVICE, _kind(provider), owner)

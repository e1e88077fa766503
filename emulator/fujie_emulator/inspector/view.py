"""What the page shows, as values: chosen fields only, so that a secret that a service keeps cannot slip in."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fujie_emulator.agentidentitydata.wat import UserContext
from fujie_emulator.core.clock import iso
from fujie_emulator.core.cloud import Cloud

SHOWN_REQUESTS = 100
REDACTED = "••••••"
_VAULT = "vault/"
Row = tuple[str | list[str], ...]
_CONTROL, _DATA = "agentidentity", "agentidentitydata"


@dataclass(frozen=True)
class Table:
    """One part of the page: `name` and `columns` are names of words; a cell is text, or a list of texts."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Asked:
    """One recent request; `statement` is the one that decided, as JSON, "" when none spoke."""

    number: int
    time: str
    service: str
    action: str
    caller: str
    status: int
    code: str
    effect: str
    policy: str
    statement: str

    @property
    def refused(self) -> bool:
        return self.status >= 400 or self.status == 0


@dataclass(frozen=True)
class View:
    """The whole page."""

    account_id: str
    region: str
    url: str
    now: str
    offset_s: float
    tables: list[Table]
    requests: list[Asked]
    counts: list[tuple[str, dict[str, int]]]

    @property
    def offset(self) -> str:
        """How far the clock is from real time, "" when it is not."""
        return str(timedelta(seconds=round(abs(self.offset_s)))) if round(self.offset_s) else ""


def view(cloud: Cloud, *, only_refused: bool) -> View:
    """Return what there is to see now; the newest request first."""
    return View(
        account_id=cloud.account_id,
        region=cloud.region,
        url=cloud.base_url,
        now=iso(cloud.clock.now()),
        offset_s=cloud.clock.offset_s,
        tables=[make(cloud) for make in _TABLES],
        requests=_requests(cloud, only_refused=only_refused),
        counts=sorted(cloud.store.counts().items()),
    )


def _identities(cloud: Cloud) -> Table:
    rows = [
        (
            name,
            str(doc.get("IdentityProviderName", "")),
            str(doc.get("RoleArn", "")).rpartition("role/")[2],
            _yes(doc.get("SessionBindingEnabled")),
            _texts(doc.get("AllowedResourceOAuth2ReturnURLs")),
        )
        for name, doc in cloud.store.list(_CONTROL, "WorkloadIdentity")
    ]
    return Table("identities", ("name", "identity_provider", "role", "binding", "return_urls"), rows)


def _identity_providers(cloud: Cloud) -> Table:
    rows: list[Row] = [
        (name, str(doc.get("DiscoveryURL", "")), _texts(doc.get("AllowedAudience")))
        for name, doc in cloud.store.list(_CONTROL, "IdentityProvider")
    ]
    return Table("identity_providers", ("name", "discovery", "audience"), rows)


def _providers(cloud: Cloud) -> Table:
    oauth: list[Row] = [
        (name, "OAuth 2.0", str(doc.get("CredentialProviderVendor", "")), str(doc.get("OAuthType", "")), REDACTED)
        for name, doc in cloud.store.list(_CONTROL, "OAuth2CredentialProvider")
    ]
    keys: list[Row] = [
        (name, "API key", "", "", REDACTED) for name, _ in cloud.store.list(_CONTROL, "APIKeyCredentialProvider")
    ]
    return Table("providers", ("name", "kind", "vendor", "flow", "secret"), oauth + keys)


def _roles(cloud: Cloud) -> Table:
    rows: list[Row] = [
        (name, [each.get("name", "") for each in doc.get("attached", [])], _trusted(doc.get("trust")))
        for name, doc in cloud.store.list("ram", "role")
    ]
    return Table("roles", ("name", "policies", "trusts"), rows)


def _vault(cloud: Cloud) -> Table:
    people = _people(cloud)
    rows = [
        (
            kind.removeprefix(_VAULT),
            people.get(owner, owner[:8]),
            _texts(token.get("scopes")),
            _moment(token.get("expires_at")),
            _yes(bool(token.get("refresh_token"))),
            REDACTED,
        )
        for kind in sorted(cloud.store.counts().get(_DATA, {}))
        if kind.startswith(_VAULT)
        for owner, doc in cloud.store.list(_DATA, kind)
        for token in doc.get("tokens", [])
    ]
    return Table("vault", ("provider", "user", "scopes", "until", "refresh", "token"), rows)


def _sessions(cloud: Cloud) -> Table:
    people = _people(cloud)
    rows = [
        (
            f"{key[:8]}…",
            str(doc.get("identity", "")),
            str(doc.get("provider", "")),
            people.get(doc.get("owner", ""), str(doc.get("owner", ""))[:8]),
            _texts(doc.get("scopes")),
            str(doc.get("status", "")),
            _moment(doc.get("expires_at")),
        )
        for key, doc in cloud.store.list(_DATA, "session")
    ]
    columns = ("session", "identity", "provider", "user", "scopes", "status", "until")
    return Table("sessions", columns, sorted(rows, key=lambda row: row[-1], reverse=True))


_TABLES: tuple[Callable[[Cloud], Table], ...] = (
    _identities,
    _identity_providers,
    _providers,
    _roles,
    _vault,
    _sessions,
)


def _requests(cloud: Cloud, *, only_refused: bool) -> list[Asked]:
    rows = (_asked(row) for row in reversed(cloud.journal.after(0)))
    return [row for row in rows if row.refused or not only_refused][:SHOWN_REQUESTS]


def _asked(row: Mapping[str, Any]) -> Asked:
    decision = row["decision"] or {}
    caller = row["caller"]
    statement = decision.get("statement")
    return Asked(
        number=row["seq"],
        time=row["time"],
        service=row["service"],
        action=row["action"],
        caller=caller["arn"].rpartition(":")[2] or caller["name"] or caller["type"],
        status=row["status"],
        code=row["code"],
        effect=decision.get("effect", ""),
        policy=decision.get("policy_type", ""),
        statement="" if statement is None else json.dumps(statement, ensure_ascii=False, indent=1),
    )


def _people(cloud: Cloud) -> dict[str, str]:
    """Return names for the vault's owners, where they are users who signed in here."""
    issuer = f"{cloud.base_url}/oauth"
    return {UserContext("jwt", user.user_id, issuer).key: user.name for user in cloud.users}


def _trusted(document: Any) -> list[str]:
    return list(dict.fromkeys(_principals(document)))


def _principals(document: Any) -> Iterator[str]:
    for statement in (document or {}).get("Statement", []) if isinstance(document, dict) else []:
        for kind, names in statement.get("Principal", {}).items():
            for name in [names] if isinstance(names, str) else names:
                yield f"{kind} {name}"


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


def _yes(value: Any) -> str:
    return "✓" if value else "–"


def _moment(value: Any) -> str:
    return iso(datetime.fromtimestamp(value, UTC)) if isinstance(value, (int, float)) else ""

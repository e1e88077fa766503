"""The account's own sign-in: its applications are those of IMS, its people the demo users."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fujie_emulator.agentidentity.callbacks import is_callback_url
from fujie_emulator.agentidentitydata.sessions import LIFETIME_S as CONSENT_S
from fujie_emulator.core.account import DemoUser
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.ims import state as ims
from fujie_emulator.ims.state import Application
from fujie_emulator.signin.issuer import Addresses, Issuer

AT = Addresses(
    issuer="/oauth",
    authorize="/signin/oauth2/v1/auth",
    token="/oauth/v1/token",  # noqa: S106 (a path)
    revoke="/oauth/v1/revoke",
    userinfo="/oauth/v1/userinfo",
    keys="/oauth/v1/keys",
)
# The same on the public hosts, which have them at their root.
PUBLIC = Addresses(
    issuer="",
    authorize="/oauth2/v1/auth",
    token="/v1/token",  # noqa: S106 (a path)
    revoke="/v1/revoke",
    userinfo="/v1/userinfo",
    keys="/v1/keys",
)
CODE_S = 60.0


def account_issuer(cloud: Cloud) -> Issuer:
    """Return the account's issuer."""
    return Issuer(cloud, AT, _ImsApplications(cloud), _DemoUsers(cloud), lambda uri: code_lifetime_s(cloud, uri))


def code_lifetime_s(cloud: Cloud, redirect_uri: str) -> float:
    """Return how long a code sent to `redirect_uri` is good.

    An application redeems its code at once. Agent Identity redeems one only after its user has confirmed, which
    he may do until the consent session ends; a code that goes there lives as long as such a session.
    """
    return CONSENT_S if is_callback_url(cloud, redirect_uri) else CODE_S


@dataclass(frozen=True)
class _ImsApplications:
    cloud: Cloud

    def find(self, client_id: str) -> Application | None:
        try:
            return ims.application(self.cloud, client_id)
        except CloudError:
            return None

    def holds_secret(self, client_id: str, unverified: str) -> bool:
        return ims.secret_matches(self.cloud, client_id, unverified)


@dataclass(frozen=True)
class _DemoUsers:
    cloud: Cloud

    def all(self) -> Sequence[DemoUser]:
        return self.cloud.users

    def hinted(self, hint: str) -> DemoUser | None:
        """Return the user a login_hint means: a name, an id, or NAME@ACCOUNT.onaliyun.com."""
        name = hint.removesuffix(f"@{self.cloud.account_id}.onaliyun.com")
        return next((user for user in self.cloud.users if name == user.name or hint == user.user_id), None)

    def claims(self, user: DemoUser, scopes: tuple[str, ...]) -> dict[str, Any]:
        claims: dict[str, Any] = {"sub": user.user_id}
        if "profile" in scopes:
            upn = f"{user.name}@{self.cloud.account_id}.onaliyun.com"
            claims |= {"name": user.name, "login_name": user.name, "upn": upn}
        if "aliuid" in scopes:
            claims |= {"aid": self.cloud.account_id, "uid": user.user_id}
        return claims

"""The workload access token: who the workload is and for which user it acts, sealed for five minutes."""

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from fujie_emulator.agentidentitydata.errors import bad_workload_access_token
from fujie_emulator.core.errors import missing_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "agentidentitydata"
LIFETIME_S = 300
LONGEST_TOKEN = 16 * 1024  # characters; a WAT of ours has about 700, an id_token under 4,000
_HEADER = {"alg": "dir", "enc": "A256GCM", "typ": "JWT"}
_ALGORITHMS = ["dir", "A256GCM"]


@dataclass(frozen=True)
class UserContext:
    """The user a workload acts for: proved by a JWT, or only asserted by the caller."""

    kind: Literal["jwt", "user_id"]
    subject: str
    issuer: str = ""
    audiences: str = ""
    jti: str = ""
    session_id: str = ""  # the sign-in at a user pool; it does not tell users apart

    @property
    def key(self) -> str:
        """Return what tells users apart; a proved and an asserted user of the same name are not the same."""
        text = json.dumps([self.kind, self.issuer, self.subject])
        return hashlib.sha256(text.encode()).hexdigest()

    def as_wire(self) -> dict[str, Any]:
        """Return the wire object `UserContext`."""
        if self.kind == "user_id":
            return {"UserId": self.subject}
        claims = {"Issuer": self.issuer, "Subject": self.subject, "Audiences": self.audiences}
        return {"JwtClaims": claims | ({"JTI": self.jti} if self.jti else {})}


@dataclass(frozen=True)
class WorkloadAccess:
    """What an opened WAT proves."""

    identity: str
    identity_arn: str
    user: UserContext | None

    def required_user(self) -> UserContext:
        """Return the user; a WAT without one cannot open what belongs to a user."""
        if self.user is None:
            raise bad_workload_access_token("carries no user")
        return self.user


def seal(cloud: "Cloud", access: WorkloadAccess) -> str:
    """Return a WAT (compact JWE) that says `access` until five minutes from now."""
    claims = {
        "identity": access.identity,
        "arn": access.identity_arn,
        "user": asdict(access.user) if access.user else None,
        "exp": cloud.clock.time() + LIFETIME_S,
        "jti": secrets.token_hex(8),
    }
    return jwe.encrypt_compact(_HEADER, json.dumps(claims), _key(cloud), _ALGORITHMS)


def open_token(cloud: "Cloud", unverified: str) -> WorkloadAccess:
    """Return what the WAT proves; else raise MissingParameter or InvalidParameter.WorkloadAccessToken."""
    if not unverified:
        raise missing_parameter("WorkloadAccessToken")
    if len(unverified) > LONGEST_TOKEN:
        raise bad_workload_access_token("is not one of this service")
    try:
        plaintext = jwe.decrypt_compact(unverified, _key(cloud), _ALGORITHMS).plaintext
        claims = json.loads(plaintext or b"")
    except (JoseError, ValueError) as error:
        raise bad_workload_access_token("is not one of this service") from error
    if claims["exp"] <= cloud.clock.time():
        raise bad_workload_access_token("is expired")
    user = UserContext(**claims["user"]) if claims["user"] else None
    return WorkloadAccess(claims["identity"], claims["arn"], user)


def _key(cloud: "Cloud") -> OctKey:
    with cloud.store.transaction():
        doc = cloud.store.get(SERVICE, "key", "wat")
        if doc is None:
            doc = {"k": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")}
            cloud.store.put(SERVICE, "key", "wat", doc)
    return OctKey.import_key({"kty": "oct", "k": doc["k"]})

"""Whose access key is this? The operator's, a RAM user's, or a temporary one of a role."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.call import Caller
from fujie_emulator.core.errors import CloudError

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud


@dataclass(frozen=True)
class AccessKey:
    """A key the cloud knows: the secret to check signatures with, and who signs with it."""

    caller: Caller
    secret: str = field(repr=False)


def access_key(cloud: "Cloud", access_key_id: str, security_token: str) -> AccessKey:
    """Return the key; raise InvalidAccessKeyId.* or InvalidSecurityToken.* (CloudError).

    `security_token` is "" when the request carried none; a temporary key needs its own, unexpired, and the very
    role it was made for: another role of the same name does not revive it.
    """
    account = cloud.account
    if access_key_id == account.access_key_id:
        _check_lasting(security_token)
        caller = Caller("root", f"acs:ram::{account.account_id}:root", "root", access_key_id)
        return AccessKey(caller, account.access_key_secret)
    if (doc := cloud.store.get("sts", "key", access_key_id)) is not None:
        _check_token(cloud, doc, security_token)
        return AccessKey(_role_caller(access_key_id, doc), doc["secret"])
    if (doc := cloud.store.get("ram", "access_key", access_key_id)) is not None:
        _check_lasting(security_token)
        return AccessKey(_user_caller(cloud, doc), doc["secret"])
    raise CloudError("InvalidAccessKeyId.NotFound", 404, "Specified access key is not found.")


def token_digest(security_token: str) -> str:
    """Return what is kept of a security token."""
    return hashlib.sha256(security_token.encode()).hexdigest()


def _check_token(cloud: "Cloud", doc: dict[str, Any], security_token: str) -> None:
    if not security_token:
        raise CloudError("MissingSecurityToken", 400, "SecurityToken is mandatory for this action.")
    if not hmac.compare_digest(token_digest(security_token), doc["token_sha256"]):
        raise _security_token("MismatchWithAccessKey", "The security token does not belong to this access key.")
    if datetime.fromisoformat(doc["expires_at"]) <= cloud.clock.now():
        raise _security_token("Expired", "Specified SecurityToken is expired.")
    role = cloud.store.get("ram", "role", doc["role_name"])
    if role is None or role["id"] != doc["role_id"]:
        raise _security_token("Expired", "Specified SecurityToken is expired: its role was deleted.")


def _check_lasting(security_token: str) -> None:
    if security_token:
        raise _security_token("MismatchWithAccessKey", "The security token does not belong to this access key.")


def _role_caller(access_key_id: str, doc: dict[str, Any]) -> Caller:
    return Caller(
        type="role",
        arn=doc["assumed_role_arn"],
        name=doc["session_name"],
        access_key_id=access_key_id,
        session_policy=doc["session_policy"],
        role_name=doc["role_name"],
    )


def _user_caller(cloud: "Cloud", doc: dict[str, Any]) -> Caller:
    if doc["status"] != "Active":
        raise CloudError("InvalidAccessKeyId.Inactive", 400, "Specified access key is disabled.")
    arn = f"acs:ram::{cloud.account_id}:user/{doc['user_name']}"
    return Caller("user", arn, doc["user_name"], doc["id"])


def _security_token(kind: str, message: str) -> CloudError:
    return CloudError(f"InvalidSecurityToken.{kind}", 400, message)

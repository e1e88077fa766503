"""What the cloud's error answers mean: (HTTP status, Code) in, one typed error with its repair out.

The cloud also sends business errors with status 200; `Code` decides there. Its `Message` is kept only where it holds
nothing of the request.
"""

import json
from collections.abc import Mapping
from typing import Any

from fujie.http import Answer
from fujie.identity.errors import (
    CloudRefusedError,
    CloudUnavailableError,
    IdentityError,
    IdentityMisconfiguredError,
    ThrottledError,
    TokenInvalidError,
)

DEFAULT_RETRY_AFTER_S = 1.0
_APPLY = "apply the stack again (`pulumi up`, locally `fujie dev`)"
_REPAIRS = {
    "EntityNotExists.WorkloadIdentity": "create the workload identity that FUJIE_WORKLOAD_IDENTITY names",
    "EntityNotExists.OAuth2CredentialProvider": "create the tool's OAuth2 credential provider",
    "EntityNotExists.APIKeyCredentialProvider": "create the tool's API key credential provider",
    "EntityNotExists.IdentityProvider": "create the identity provider of the workload identity",
    "MissingRoleArn": "give the workload identity a role",
    "MissingParameter.ResourceOAuth2ReturnURL": "set FUJIE_PUBLIC_URL",
    "Missmatch.ResourceOAuth2ReturnURL": "list {public_url}/callback in the workload identity's return URLs",
    "InvalidOAuthDiscoveryURL": "make the provider's metadata reachable for the cloud",
    "ServiceUnavailable.UpstreamTokenEndpoint": (
        "check the OAuth2 credential provider's client id and secret, and that its token endpoint answers"
    ),
    "EntityNotExist.Function": "create the function that FUJIE_PROCESS_FUNCTION names",
    "FunctionNotFound": "create the function that FUJIE_PROCESS_FUNCTION names",
}
_KEY_CODES = ("InvalidAccessKeyId", "InvalidSecurityToken", "SignatureDoesNotMatch", "IncompleteSignature")
_DENIED_CODES = ("NoPermission", "AccessDenied", "Forbidden.RAM")
_TRUST = (
    "let the role of the workload identity trust workload.agentidentity.aliyuncs.com for sts:AssumeRole "
    "under the condition of this workload identity's ARN"
)


def document_from_answer(action: str, answer: Answer) -> Mapping[str, Any]:
    """Return the JSON object of a good answer; raises the typed error of any other."""
    document = _document(answer)
    if answer.status != 200 or document is None or code_of(document):
        raise error_from_answer(action, answer)
    return document


def error_from_answer(action: str, answer: Answer) -> IdentityError:
    """Return the typed error that an answer to `action` means."""
    document = _document(answer)
    if document is None or not code_of(document):
        return CloudUnavailableError(
            f"{action}: the cloud answered {answer.status} and nothing that can be read", http_status=answer.status
        )
    code, request_id = code_of(document), _text(document, "RequestId") or _text(document, "requestId")
    if is_throttling(answer.status, code):
        patience = retry_after_s(answer)
        return ThrottledError(
            f"{action}: the cloud is throttling ({code})",
            retry_after_s=DEFAULT_RETRY_AFTER_S if patience is None else patience,
            cloud_code=code,
            request_id=request_id,
        )
    kind, repair = _meaning(action, answer.status, code)
    return kind(
        f"{action} was refused: {code}",
        repair=repair,
        cloud_code=code,
        request_id=request_id,
        http_status=answer.status,
    )


def is_throttling(status: int, code: str) -> bool:
    """Say whether the cloud asks for patience: it also uses 400 for that."""
    return status == 429 or code.startswith("Throttling")


def retry_after_s(answer: Answer) -> float | None:
    """Return the seconds that the answer asks to wait (`x-acs-retry-after` is in milliseconds), if it asks."""
    try:
        return min(max(int(answer.headers["x-acs-retry-after"]) / 1000, 0.0), 60.0)
    except (KeyError, ValueError):
        return None


def read_code(answer: Answer) -> str:
    """Return the error code in an answer's body, or nothing where none can be read."""
    document = _document(answer)
    return code_of(document) if document is not None else ""


def code_of(document: Mapping[str, Any]) -> str:
    """Return the error code of an answer, or nothing where it is a good one."""
    return _text(document, "Code") or _text(document, "code")


def _meaning(action: str, status: int, code: str) -> tuple[type[IdentityError], str]:
    if code == "InvalidParameter.JsonWebToken":
        return TokenInvalidError, "sign in again"
    if code in _REPAIRS or code.split(":", 1)[0] in _REPAIRS:
        return IdentityMisconfiguredError, f"{_REPAIRS[code.split(':', 1)[0]]}: {_APPLY}"
    if code.startswith(_DENIED_CODES):
        return IdentityMisconfiguredError, f"{_permission(action)}: {_APPLY}"
    if code.startswith(_KEY_CODES):
        return IdentityMisconfiguredError, "restart the function so that it gets fresh role credentials"
    if status >= 500:
        return CloudUnavailableError, ""
    return CloudRefusedError, ""


def _permission(action: str) -> str:
    if action == "AssumeRoleForWorkloadIdentity":
        return _TRUST
    product = {"InvokeFunction": "fc", "Encrypt": "kms", "Decrypt": "kms"}.get(action, "agentidentitydata")
    return f"allow {product}:{action} to the role of the function"


def _document(answer: Answer) -> Mapping[str, Any] | None:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value[:200] if isinstance(value, str) and value.isprintable() else ""

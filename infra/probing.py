"""Questions to the cloud that change nothing, signed with the operator's key."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx2

from fujie import clock
from fujie.identity.acs3 import FORM, signed_request
from fujie.secret import Secret
from fujie.settings import CallerKey
from infra.inputs import StackInputs

DEADLINE_S = 10.0
MAX_ANSWER_BYTES = 1024 * 1024
VERSIONS: Mapping[str, str] = {
    "sts": "2015-04-01",
    "ram": "2015-05-01",
    "ims": "2019-08-15",
    "agentidentity": "2025-09-01",
    "fc": "2023-03-30",
}


_NOT_THERE = re.compile(r"EntityNotExist|FunctionNotFound")
_NO_KEY = re.compile(r"InvalidAccessKeyId|InvalidSecurityToken")


class Refused(Exception):
    """The cloud answered, and said no; the text is its code."""


class NotThere(Exception):
    """The cloud answered: what was asked about does not exist, so asking is allowed."""


class NotAsked(Exception):
    """There was no answer that could be read."""


@dataclass(frozen=True)
class Key:
    """The key of whoever would deploy."""

    id: str
    secret: Secret
    token: Secret | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Key | None":
        """Return the key that the environment holds, if it does."""
        key_id, secret = environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID"), environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
        token = environ.get("ALIBABA_CLOUD_SECURITY_TOKEN")
        return cls(key_id, Secret(secret), Secret(token) if token else None) if key_id and secret else None


class Account:
    """The account that a stack belongs to, asked with a key."""

    def __init__(self, inputs: StackInputs, key: Key, transport: httpx2.BaseTransport | None = None) -> None:
        self._inputs = inputs
        self._key = CallerKey(key.id, key.secret, key.token)
        emulated = bool(inputs.cloud_url)
        self._http = httpx2.Client(timeout=DEADLINE_S, trust_env=not emulated, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def ask(self, service: str, action: str, **parameters: str) -> Mapping[str, Any]:
        """Return the answer to an action; the parameter of Function Compute's is the function's name.

        Raises NotThere, Refused, or NotAsked.
        """
        request = self._signed(service, action, parameters)
        try:
            answer = self._http.request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            said = json.loads(answer.content[:MAX_ANSWER_BYTES])
        except httpx2.HTTPError as error:
            raise NotAsked(type(error).__name__) from error
        except ValueError as error:
            raise NotAsked(f"an answer {answer.status_code} that is not the cloud's") from error
        if not isinstance(said, dict):
            raise NotAsked("an answer that is not the cloud's")
        if answer.is_success:
            return said
        code = str(said.get("Code") or said.get("code") or answer.status_code)
        if _NOT_THERE.search(code):
            raise NotThere(code)
        raise (Refused if answer.status_code in (400, 401, 403) or _NO_KEY.match(code) else NotAsked)(code)

    def _signed(self, service: str, action: str, parameters: Mapping[str, str]) -> Any:
        address = self._inputs.stack_config("doctor").address
        function = f"/{VERSIONS['fc']}/functions/{parameters.get('function', '')}"
        method, path, kind = ("GET", function, "") if service == "fc" else ("POST", "/", FORM)
        in_form = service == "agentidentity"  # older products take them in the query
        if service == "fc":
            base = address.cloud_url or f"https://{self._inputs.account_id}.{address.region}.fc.aliyuncs.com"
        else:
            base = address.regional(service) if service == "agentidentity" else address.central(service)
        return signed_request(
            method,
            base.rstrip("/") + path,
            version=VERSIONS[service],
            action=action,
            content_type=kind,
            body=urlencode(parameters).encode() if in_form else b"",
            key=self._key,
            at=clock.now(),
            query=parameters if kind and not in_form else None,
        )

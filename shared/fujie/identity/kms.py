"""Data keys wrapped by a key that stays in Alibaba Cloud's KMS: its actions `Encrypt` and `Decrypt` (2016-01-20)."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fujie import clock
from fujie.http import NoAnswerError, fetch, is_safe_url
from fujie.identity.acs3 import query_request
from fujie.identity.errors import CloudRefusedError, CloudUnavailableError, IdentityMisconfiguredError
from fujie.identity.faults import document_from_answer
from fujie.settings import CallerKey, Settings

if TYPE_CHECKING:
    import httpx2

VERSION = "2016-01-20"
MAX_ANSWER_BYTES = 64 * 1024
DEADLINE_S = 2.0
"""Less than the question to the identity service that it saves, retries included."""


class KmsKey:
    """Wraps and unwraps by one key of KMS, with the function's role; the key's versions rotate there."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        caller_key: Callable[[], CallerKey],
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        if not is_safe_url(settings.kms_endpoint):
            raise IdentityMisconfiguredError("the endpoint of KMS must be an https address")
        self._endpoint = settings.kms_endpoint
        self._key_id = settings.shared_cache_kms_key
        self._http = http
        self._caller_key = caller_key
        self._now = now

    async def wrap(self, data_key: bytes, context: str) -> str:
        """Return KMS's ciphertext of the data key."""
        document = await self._ask(
            "Encrypt",
            {"KeyId": self._key_id, "Plaintext": b64encode(data_key).decode(), "EncryptionContext": _context(context)},
        )
        return _text(document, "CiphertextBlob")

    async def unwrap(self, wrapped: str, context: str) -> bytes | None:
        """Return the data key; None also where another key wrapped it, though the role may decrypt with that one."""
        query = {"CiphertextBlob": wrapped, "EncryptionContext": _context(context)}
        try:
            document = await self._ask("Decrypt", query)
        except CloudRefusedError:
            return None
        if document.get("KeyId") != self._key_id:
            return None
        try:
            return b64decode(_text(document, "Plaintext"), validate=True)
        except ValueError:
            return None

    async def _ask(self, action: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        request = query_request(self._endpoint, VERSION, action, query, self._caller_key(), self._now())
        try:
            answer = await fetch(
                self._http,
                request.method,
                request.url,
                headers=request.headers,
                content=request.body,
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=DEADLINE_S,
            )
        except NoAnswerError as error:
            raise CloudUnavailableError(f"{action}: {error.message}") from error
        return document_from_answer(action, answer)


def _context(context: str) -> str:
    return json.dumps({"fujie": context})


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise CloudUnavailableError(f"KMS answered without {name}")
    return value

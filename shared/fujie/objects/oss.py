"""Alibaba Cloud OSS through the official oss2 package, in a worker thread, with temporary credentials."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fujie.objects.errors import ObjectAccessDeniedError, ObjectError, ObjectStoreUnavailableError
from fujie.objects.port import MAX_KEYS, MAX_OBJECT_BYTES, checked_key, checked_size, not_found

if TYPE_CHECKING:
    from fujie.identity.outbound import StsCredential

DEADLINE_S = 15.0
"""Of one call, all its bytes included."""
_SILENCE_S = 5.0
"""Of the connection: to open it, and between two pieces of an answer."""
_PIECE = 64 * 1024
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket"})
_Answer = TypeVar("_Answer")


class OssObjectStore:
    """One bucket of OSS, as one temporary credential reaches it. With `region` it signs V4, else V1."""

    def __init__(
        self, endpoint: str, bucket: str, sts: "StsCredential", *, region: str = "", deadline_s: float = DEADLINE_S
    ) -> None:
        self._endpoint = endpoint
        self._name = bucket
        self._sts = sts
        self._region = region
        self._deadline_s = deadline_s
        self._made: Any = None

    async def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """Return an object's bytes."""
        checked_key(key)
        return await self._in_thread(key, lambda ends_at: self._read(key, max_bytes, ends_at))

    async def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store an object."""
        checked_size(checked_key(key), len(content), MAX_OBJECT_BYTES)
        headers = {"Content-Type": content_type}
        await self._in_thread(key, lambda _: self._bucket().put_object(key, content, headers=headers))

    async def list(self, prefix: str = "", *, limit: int = MAX_KEYS) -> Sequence[str]:
        """Return keys in the order of their bytes."""
        most = min(limit, MAX_KEYS)
        if most < 1:
            return []
        found = await self._in_thread(prefix, lambda _: self._bucket().list_objects_v2(prefix=prefix, max_keys=most))
        return [each.key for each in found.object_list]

    def _read(self, key: str, max_bytes: int, ends_at: float) -> bytes:
        answer = self._bucket().get_object(key)
        try:
            checked_size(key, answer.content_length or 0, max_bytes)
            content = bytearray()
            while piece := answer.read(_PIECE):
                content += piece
                checked_size(key, len(content), max_bytes)
                if time.monotonic() > ends_at:
                    raise _too_slow()
            return bytes(content)
        finally:
            answer.resp.response.close()

    async def _in_thread(self, key: str, call: Callable[[float], _Answer]) -> _Answer:
        """Run `call` in a worker thread; it is told when to stop, as a thread cannot be cancelled."""
        ends_at = time.monotonic() + self._deadline_s

        def named() -> _Answer:
            with _named_errors(key):
                return call(ends_at)

        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.to_thread(named)
        except TimeoutError as error:
            raise _too_slow() from error

    def _bucket(self) -> Any:
        if self._made is None:
            self._made = self._opened()
        return self._made

    def _opened(self) -> Any:
        import oss2

        logging.getLogger("oss2").setLevel(logging.WARNING)  # below that it writes signatures and tokens
        sts = self._sts
        secret, token = sts.access_key_secret.reveal(), sts.security_token.reveal()
        version = oss2.AUTH_VERSION_4 if self._region else oss2.AUTH_VERSION_1
        auth = oss2.StsAuth(sts.access_key_id, secret, token, auth_version=version)
        return oss2.Bucket(
            auth,
            self._endpoint,
            self._name,
            session=_session(),
            connect_timeout=_SILENCE_S,
            region=self._region or None,
        )


def _session() -> Any:
    """Return a session that reads no proxy or netrc and follows no redirect: the token travels in a header."""
    import oss2
    import requests

    class Direct(requests.Session):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            return super().request(*args, **(kwargs | {"allow_redirects": False}))

    session = oss2.Session()
    adapters = session.session.adapters
    session.session = Direct()
    session.session.trust_env = False
    session.session.adapters = adapters
    return session


@contextmanager
def _named_errors(key: str) -> Iterator[None]:
    """Turn oss2's errors into ours; their text holds what was sent, so it is not passed on."""
    import oss2
    import requests

    try:
        yield
    except oss2.exceptions.RequestError as error:
        raise ObjectStoreUnavailableError("OSS did not answer", repair="try again later") from error
    except oss2.exceptions.OssError as error:
        raise _named(error.status, str(error.code), key) from error
    except requests.RequestException as error:  # while the body is read
        raise ObjectStoreUnavailableError("OSS broke off its answer", repair="try again later") from error


def _named(status: int, code: str, key: str) -> ObjectError:
    if code in _MISSING:
        return not_found(key)
    if status in {401, 403}:
        said = f"OSS refused access to {key} ({code})"
        return ObjectAccessDeniedError(said, repair="allow it in the role's policy, or ask for an object of the user")
    if status == 429 or status >= 500:
        return ObjectStoreUnavailableError(f"OSS is out of order ({code or status})", repair="try again later")
    return ObjectError(f"OSS refused the request ({code or status})")


def _too_slow() -> ObjectStoreUnavailableError:
    return ObjectStoreUnavailableError("OSS did not answer in time", repair="try again later")

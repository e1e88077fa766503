"""On whose behalf an agent's own process acts: said once per request, seen by everything called inside, then gone.

Nothing said means the workload itself. Something said that is empty or malformed is an error and never means less.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from fujie.identity.claims import unverified_header
from fujie.identity.errors import DelegationRequiredError, TokenInvalidError
from fujie.secret import Secret

MAX_USER_ID = 256


@dataclass(frozen=True)
class Behalf:
    """For whom: the user of an id_token, a user who is merely named, the bearer of a workload token, or nobody."""

    user_token: Secret | None = None
    user_id: str = ""
    workload_token: Secret | None = None
    custom_state: Secret | None = None

    @property
    def has_user(self) -> bool:
        """Say whether somebody is named; what a workload token holds only the cloud knows."""
        return self.user_token is not None or bool(self.user_id) or self.workload_token is not None


WORKLOAD = Behalf()
_current: ContextVar[Behalf] = ContextVar("fujie_behalf", default=WORKLOAD)


def current_behalf() -> Behalf:
    """Return on whose behalf the present task acts."""
    return _current.get()


@contextmanager
def on_behalf_of(
    *,
    user_token: str | Secret | None = None,
    user_id: str | None = None,
    workload_token: str | Secret | None = None,
    custom_state: str | Secret | None = None,
) -> Iterator[None]:
    """Act for exactly one of: an id_token's user (the cloud verifies it), a named user id, a workload token's bearer.

    `user_id` is believed by the cloud as it stands: it is for machines, never for what a browser sent.
    `custom_state` comes back on the callback URL after a consent.
    Raises DelegationRequiredError when none or several are given, TokenInvalidError for a token that is none.
    """
    token = _current.set(_behalf(user_token, user_id, workload_token, custom_state))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def as_workload() -> Iterator[None]:
    """Act for nobody but the workload itself, whatever was said outside."""
    token = _current.set(WORKLOAD)
    try:
        yield
    finally:
        _current.reset(token)


def _behalf(
    user_token: str | Secret | None,
    user_id: str | None,
    workload_token: str | Secret | None,
    custom_state: str | Secret | None,
) -> Behalf:
    given = [value for value in (_text(user_token), user_id, _text(workload_token)) if value]
    if len(given) != 1:
        raise DelegationRequiredError(
            "say for whom: exactly one of user_token, user_id and workload_token",
            repair="pass the signed-in user's id_token, or use as_workload()",
        )
    if user_token:
        unverified_header(_secret(user_token))
    if user_id and (len(user_id) > MAX_USER_ID or not user_id.isprintable()):
        raise TokenInvalidError(f"a user id is at most {MAX_USER_ID} printable characters")
    return Behalf(
        _secret(user_token) if user_token else None,
        user_id or "",
        _secret(workload_token) if workload_token else None,
        _secret(custom_state) if custom_state else None,
    )


def _text(value: str | Secret | None) -> str:
    return value.reveal() if isinstance(value, Secret) else value or ""


def _secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)

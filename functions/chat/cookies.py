"""The two cookies of the signed-in browser: their names, and the attributes that keep them ours."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Response

from fujie.secret import Secret

LOGIN_MAX_AGE_S = 600
"""A sign-in takes minutes; an attempt older than this begins again."""


@dataclass(frozen=True)
class Cookies:
    """Cookie names and attributes of one origin: `__Host-` and Secure wherever the origin is https."""

    secure: bool

    @property
    def session_name(self) -> str:
        return "__Host-fujie_session" if self.secure else "fujie_session"

    @property
    def login_name(self) -> str:
        return "__Host-fujie_login" if self.secure else "fujie_login"

    def session(self, received: Mapping[str, str]) -> Secret | None:
        return _secret(received.get(self.session_name))

    def login(self, received: Mapping[str, str]) -> Secret | None:
        return _secret(received.get(self.login_name))

    def set_login(self, response: Response, value: Secret) -> None:
        self._set(response, self.login_name, value, LOGIN_MAX_AGE_S)

    def set_session(self, response: Response, value: Secret, max_age_s: int) -> None:
        """Give the browser its session; the login cookie has served."""
        self._set(response, self.session_name, value, max_age_s)
        self._clear(response, self.login_name)

    def clear_session(self, response: Response) -> None:
        self._clear(response, self.session_name)

    def _set(self, response: Response, name: str, value: Secret, max_age_s: int) -> None:
        response.set_cookie(
            name, value.reveal(), max_age=max_age_s, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


def _secret(value: str | None) -> Secret | None:
    return Secret(value) if value else None

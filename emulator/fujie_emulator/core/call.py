"""Who calls, and what one RPC call asks for, already checked at the door."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from fujie_emulator.core.errors import invalid_parameter, missing_parameter

CallerType = Literal["root", "user", "role", "anonymous", "bearer"]


@dataclass(frozen=True)
class Caller:
    """Who signed a request. `session_policy` narrows what the role may do; None means it narrows nothing."""

    type: CallerType
    arn: str = ""
    name: str = ""
    access_key_id: str = ""
    session_policy: dict[str, Any] | None = field(default=None, repr=False)
    role_name: str = ""


ANONYMOUS = Caller(type="anonymous")


@dataclass(frozen=True)
class RpcCall:
    """One RPC call: parameters of query and form merged, and the verified caller."""

    service: str
    action: str
    params: dict[str, str] = field(repr=False)
    caller: Caller
    request_id: str

    def text(self, name: str, *, required: bool = True) -> str:
        """Return the parameter, or "" when it is absent and not required."""
        value = self.params.get(name, "")
        if required and not value:
            raise missing_parameter(name)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean; the official clients write `True` and `False`."""
        value = self.params.get(name, "").lower()
        if value not in ("", "true", "false"):
            raise invalid_parameter(name, "it must be true or false.")
        return value == "true" if value else default

    def integer(self, name: str, default: int) -> int:
        """Return a decimal integer."""
        value = self.params.get(name, "")
        if not value:
            return default
        if not value.isascii() or not value.removeprefix("-").isdigit() or len(value) > 18:
            raise invalid_parameter(name, "it must be a decimal integer.")
        return int(value)

    def strings(self, name: str) -> list[str]:
        """Return a list that came as one JSON string; [] when absent."""
        value = self._json(name, "[]")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid_parameter(name, "it must be a JSON list of strings.")
        return value

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects that came as one JSON string; [] when absent."""
        value = self._json(name, "[]")
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid_parameter(name, "it must be a JSON list of objects.")
        return value

    def document(self, name: str, *, required: bool = False) -> dict[str, Any]:
        """Return an object that came as one JSON string; {} when absent and not required."""
        if required:
            self.text(name)
        value = self._json(name, "{}")
        if not isinstance(value, dict):
            raise invalid_parameter(name, "it must be a JSON object.")
        return value

    def _json(self, name: str, absent: str) -> Any:
        try:
            return json.loads(self.params.get(name) or absent)
        except (ValueError, RecursionError) as error:
            raise invalid_parameter(name, "it is not JSON.") from error

"""How a call ended, and how that is said in the answer to `POST /tools/{name}/call`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from fujie.permission import ConsentRequest, CredentialBadge


@dataclass(frozen=True)
class Succeeded:
    """The tool answered; `output` is JSON."""

    output: Any
    credential: CredentialBadge | None
    duration_ms: int

    def as_dict(self) -> dict[str, Any]:
        """Return the wire's form."""
        ended = {"credential": _badge(self.credential), "duration_ms": self.duration_ms}
        return {"status": "ok", "output": self.output} | ended


@dataclass(frozen=True)
class Waits:
    """The user is asked first."""

    consent: ConsentRequest

    def as_dict(self) -> dict[str, Any]:
        """Return the wire's form."""
        return {"status": "authorization_required", "consent": to_builtins(self.consent)}


@dataclass(frozen=True)
class Failed:
    """The tool, its provider or its credential failed; the model is told code, message and repair."""

    error: Mapping[str, str]
    credential: CredentialBadge | None
    duration_ms: int

    def as_dict(self) -> dict[str, Any]:
        """Return the wire's form."""
        error = {"code": self.error["code"], "message": self.error["message"], "repair": self.error.get("repair", "")}
        ended = {"credential": _badge(self.credential), "duration_ms": self.duration_ms}
        return {"status": "error", "error": error} | ended


Outcome = Succeeded | Waits | Failed


def _badge(credential: CredentialBadge | None) -> dict[str, Any] | None:
    return to_builtins(credential) if credential else None

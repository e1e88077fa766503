"""Failures on demand: the next calls answer a status, answer late, break off, or not at all."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from fujie_emulator.core.errors import CloudError, DropConnection
from fujie_emulator.core.journal import note

FaultKind = Literal["status", "latency", "drop", "truncate", "upstream", "duplicate"]
_OWN_CALLS = ("upstream", "duplicate")  # kinds that the cloud's own calls meet, not its callers'
_LONGEST_LATENCY_S = 300.0
_LONGEST_RETRY_MS = 3_600_000
_PARTNER = "partner."
_CODES = {403: "NoPermission", 429: "Throttling.User", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass
class Fault:
    """One armed failure for `count` calls of a service, or of one of its actions ("" means all).

    `upstream` fails the data plane's own calls to a provider's token endpoint; `duplicate` hands an asynchronous event
    to its function once more (the action is the function's name); `status` and the others are the callers'.
    """

    service: str
    action: str
    kind: FaultKind
    status: int
    latency_s: float
    retry_after_ms: int
    count: int

    def meets(self, service: str, action: str) -> bool:
        """Tell whether this call is one to fail."""
        return self.count > 0 and self.service == service and self.action in ("", action)

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as the admin route shows it."""
        return asdict(self)


class Faults:
    """The armed faults, oldest first."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, request: dict[str, Any]) -> Fault:
        """Arm what the admin route was asked for; a wrong request is an InvalidParameter."""
        fault = _fault(request)
        self._armed.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def armed(self) -> list[dict[str, Any]]:
        """Return what is armed, oldest first."""
        return [fault.as_dict() for fault in self._armed]

    async def apply(self, service: str, action: str) -> None:
        """Spend one fault on this call: raise CloudError or DropConnection, wait, or have the answer broken off.

        Nothing armed, nothing done.
        """
        fault = self._spend(service, action) if self._armed else None
        if fault is None:
            return
        if fault.kind == "drop":
            raise DropConnection
        if fault.kind == "truncate":
            note(truncated=True)
            return
        if fault.kind == "latency":
            await asyncio.sleep(fault.latency_s)
            return
        headers = {"x-acs-retry-after": str(fault.retry_after_ms)} if fault.status == 429 else {}
        code = _CODES.get(fault.status, "InternalError" if fault.status >= 500 else "InvalidParameter")
        raise CloudError(code, fault.status, "This failure was asked for through /_fujie/faults.", headers=headers)

    def upstream_fails(self, service: str, provider: str) -> int:
        """Spend one `upstream` fault on a call to a provider's token endpoint; return its status, 0 when none is armed.

        The fault's action, where it has one, is the provider's name.
        """
        fault = self._spend(service, provider, "upstream")
        return fault.status if fault else 0

    def duplicates(self, function: str) -> int:
        """Spend one `duplicate` fault on an event's delivery; return how often more it is delivered."""
        return 1 if self._spend("fc", function, "duplicate") else 0

    def _spend(self, service: str, action: str, kind: str = "") -> Fault | None:
        """Spend a fault of that kind, else one of those that callers meet."""
        for fault in self._armed:
            if fault.meets(service, action) and (fault.kind if fault.kind in _OWN_CALLS else "") == kind:
                fault.count -= 1
                if fault.count == 0:
                    self._armed.remove(fault)
                return fault
        return None


def _fault(request: dict[str, Any]) -> Fault:
    fault = Fault(
        service=_typed(request, "service", str, ""),
        action=_typed(request, "action", str, ""),
        kind=_typed(request, "kind", str, ""),
        status=_typed(request, "status", int, 503),
        latency_s=float(_typed(request, "latency_s", (int, float), 1.0)),
        retry_after_ms=_typed(request, "retry_after_ms", int, 1000),
        count=_typed(request, "count", int, 1),
    )
    if unknown := set(request) - set(fault.as_dict()):
        raise CloudError("InvalidParameter", 400, f"A fault has no {', '.join(sorted(unknown))[:128]}.")
    if not _is_service(fault.service) or fault.kind not in get_args(FaultKind):
        kinds = ", ".join(get_args(FaultKind))
        raise CloudError(
            "InvalidParameter", 400, f"A fault needs service ({', '.join(_services())}) and kind ({kinds})."
        )
    if fault.kind == "upstream" and fault.service != "agentidentitydata":
        raise CloudError("InvalidParameter", 400, "Only agentidentitydata has upstreams.")
    if fault.kind == "duplicate" and fault.service != "fc":
        raise CloudError("InvalidParameter", 400, "Only fc delivers events.")
    if not 0 <= fault.retry_after_ms <= _LONGEST_RETRY_MS:
        raise CloudError("InvalidParameter", 400, f"retry_after_ms must be 0 to {_LONGEST_RETRY_MS}.")
    if fault.count < 1 or not 400 <= fault.status <= 599 or not 0 <= fault.latency_s <= _LONGEST_LATENCY_S:
        raise CloudError("InvalidParameter", 400, "A fault needs count >= 1, status 400-599, latency_s 0-300.")
    return fault


def _services() -> list[str]:
    from fujie_emulator.core.services import PACKAGES

    return [name for name in PACKAGES if name not in ("functionhost", "partners")] + [f"{_PARTNER}NAME"]


def _is_service(name: str) -> bool:
    return name in _services() or (name.startswith(_PARTNER) and name != _PARTNER)


def _typed(request: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = request.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CloudError("InvalidParameter", 400, f"The field {name} of a fault has the wrong type.")
    return value

"""Failures on demand: the next calls answer a status, answer late, or not at all."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fujie_emulator.core.errors import CloudError, DropConnection

FaultKind = Literal["status", "latency", "drop"]
_LONGEST_LATENCY_S = 300.0
_CODES = {403: "NoPermission", 429: "Throttling.User", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass
class Fault:
    """One armed failure for `count` calls of a service, or of one of its actions ("" means all)."""

    service: str
    action: str
    kind: FaultKind
    status: int
    latency_s: float
    count: int

    def meets(self, service: str, action: str) -> bool:
        """Tell whether this call is one to fail."""
        return self.count > 0 and self.service == service and self.action in ("", action)


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

    async def apply(self, service: str, action: str) -> None:
        """Spend one fault on this call: raise CloudError or DropConnection, or wait. Nothing armed, nothing done."""
        fault = next((armed for armed in self._armed if armed.meets(service, action)), None)
        if fault is None:
            return
        fault.count -= 1
        if fault.count == 0:
            self._armed.remove(fault)
        if fault.kind == "drop":
            raise DropConnection
        if fault.kind == "latency":
            await asyncio.sleep(fault.latency_s)
            return
        headers = {"x-acs-retry-after": "1000"} if fault.status == 429 else {}
        code = _CODES.get(fault.status, "InternalError" if fault.status >= 500 else "InvalidParameter")
        raise CloudError(code, fault.status, "This failure was asked for through /_fujie/faults.", headers=headers)


def _fault(request: dict[str, Any]) -> Fault:
    fault = Fault(
        service=_typed(request, "service", str, ""),
        action=_typed(request, "action", str, ""),
        kind=_typed(request, "kind", str, ""),
        status=_typed(request, "status", int, 503),
        latency_s=float(_typed(request, "latency_s", (int, float), 1.0)),
        count=_typed(request, "count", int, 1),
    )
    if not fault.service or fault.kind not in get_args(FaultKind):
        raise CloudError("InvalidParameter", 400, "A fault needs service and kind (status, latency or drop).")
    if fault.count < 1 or not 400 <= fault.status <= 599 or not 0 <= fault.latency_s <= _LONGEST_LATENCY_S:
        raise CloudError("InvalidParameter", 400, "A fault needs count >= 1, status 400-599, latency_s 0-300.")
    return fault


def _typed(request: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = request.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CloudError("InvalidParameter", 400, f"The field {name} of a fault has the wrong type.")
    return value

"""Session affinity as functions ask for it: checked, and as the function host takes it (fc.md 1.4)."""

import re
from collections.abc import Mapping
from typing import Any

from fujie_emulator.fc.documents import json_object
from fujie_emulator.fc.errors import invalid, unsupported
from fujie_emulator.functionhost.sessions import REQUESTS, Affinity
from fujie_emulator.functionhost.specification import CUSTOM_RUNTIMES

KINDS = ("NONE", "GENERATED_COOKIE", "HEADER_FIELD")
_HEADER = re.compile(r"(?!x-fc-)[A-Za-z][A-Za-z0-9_-]{4,39}", re.IGNORECASE)
_RANGES = {
    "sessionConcurrencyPerInstance": (1, 200),
    "sessionTTLInSeconds": (1, 21_600),
    "sessionIdleTimeoutInSeconds": (0, 21_600),
}


def check(function: Mapping[str, Any]) -> None:
    """Raise InvalidArgument, or UnsupportedOperation, when the function's affinity is none that is emulated."""
    if affinity_of(function) is None:
        return
    if function["runtime"] not in CUSTOM_RUNTIMES:
        raise unsupported("session affinity of built-in runtimes")
    if function["instanceConcurrency"] != REQUESTS:
        raise invalid("instanceConcurrency", f"{REQUESTS} is right with session affinity")


def affinity_of(function: Mapping[str, Any]) -> Affinity | None:
    """Return the function's affinity, None without one."""
    kind = function.get("sessionAffinity") or "NONE"
    if kind not in KINDS:
        raise unsupported(f"the session affinity {kind[:32]}")
    if kind == "NONE":
        return None
    config = json_object(function.get("sessionAffinityConfig") or "{}", "sessionAffinityConfig")
    header = config.get("affinityHeaderFieldName", "") if kind == "HEADER_FIELD" else ""
    if kind == "HEADER_FIELD" and not (isinstance(header, str) and _HEADER.fullmatch(header)):
        raise invalid("sessionAffinityConfig", "affinityHeaderFieldName has 5 to 40 characters, not x-fc-...")
    if config.get("disableSessionIdReuse"):
        raise unsupported("sessions whose ids are used up")
    given = {name: config[name] for name in _RANGES if config.get(name) is not None}
    for name, value in given.items():
        least, most = _RANGES[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise invalid("sessionAffinityConfig", f"{name} {least} to {most} is right")
    defaults = Affinity()
    return Affinity(
        header,
        given.get("sessionConcurrencyPerInstance", defaults.per_instance),
        given.get("sessionTTLInSeconds", defaults.ttl_s),
        given.get("sessionIdleTimeoutInSeconds", defaults.idle_s),
    )

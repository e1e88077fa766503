"""What a function is: the declaration that the admin route takes, checked once at the door."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.functionhost.sessions import Affinity

LATEST = "LATEST"
CUSTOM_RUNTIMES = ("custom", "custom.debian10", "custom.debian11", "custom.debian12")
BUILTIN_RUNTIMES = ("python3.12", "python3.10")
LONGEST_TIMEOUT_S = 86_400  # fc.md 1.2
ENVIRONMENT_LIMIT = 4096  # bytes of all names and values, fc.md 1.2

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HANDLER = re.compile(r"[A-Za-z_][\w/.-]*\.[A-Za-z_]\w*")
_RESERVED = ("FC_", "ALIBABA_CLOUD_ACCESS_KEY", "ALIBABA_CLOUD_SECURITY_TOKEN", "FUJIE_EMULATOR_")


@dataclass(frozen=True)
class FunctionSpec:
    """One function; `command` is set for a custom runtime, `handler` for a built-in one."""

    name: str
    runtime: str
    code_dir: Path
    command: tuple[str, ...] = ()
    handler: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    role: str = ""
    port: int = 9000
    timeout_s: float = 60.0
    memory_mb: int = 512
    instance_concurrency: int = 1
    max_instances: int = 1
    trigger_port: int | None = None
    sealed: bool = False
    """Deployed as a package: it runs with that and Python's own library alone."""
    version: str = LATEST
    reserved: bool = False
    """Whether `max_instances` was reserved: then who finds no place is told so at once."""
    provisioned: int = 0
    """Instances that are up before anyone asks."""
    affinity: Affinity | None = None
    log_store: str = ""
    """`PROJECT/STORE` of the log service that gets what it prints."""
    layers: Path | None = None
    """What lies below `/opt`."""

    @property
    def key(self) -> str:
        """Name the function, or a version of it."""
        return self.name if self.version == LATEST else f"{self.name}:{self.version}"

    @property
    def is_custom(self) -> bool:
        """Tell whether the function is an HTTP server of its own."""
        return self.runtime in CUSTOM_RUNTIMES


def spec_from_document(name: str, document: Any) -> FunctionSpec:
    """Return the function that a PUT declares; CloudError InvalidArgument (400) names what is wrong."""
    if not _NAME.fullmatch(name):
        raise _refused("functionName", "1 to 128 letters, digits, '_' and '-', not beginning with a digit")
    if not isinstance(document, dict):
        raise _refused("body", "a JSON object")
    fields = _Fields(document)
    spec = FunctionSpec(
        name=name,
        runtime=fields.text("runtime"),
        code_dir=Path(fields.text("code_dir")),
        command=fields.words("command"),
        handler=fields.text("handler", ""),
        env=fields.environment("env"),
        role=fields.text("role", ""),
        port=fields.whole("port", 9000, 1, 65_535),
        timeout_s=fields.seconds("timeout_s", 60.0),
        memory_mb=fields.whole("memory_mb", 512, 128, 32_768),
        instance_concurrency=fields.whole("instance_concurrency", 1, 1, 200),
        max_instances=fields.whole("max_instances", 1, 1, 300),
        trigger_port=fields.whole("trigger_port", 0, 0, 65_535) if document.get("trigger_port") is not None else None,
    )
    fields.refuse_unknown()
    _check_whole(spec)
    return spec


def _check_whole(spec: FunctionSpec) -> None:
    if not spec.code_dir.is_absolute() or not spec.code_dir.is_dir():
        raise _refused("code_dir", "the absolute path of a directory that exists")
    if spec.is_custom:
        if not spec.command or spec.handler:
            raise _refused("command", "a list of words for a custom runtime, without a handler")
    elif spec.runtime in BUILTIN_RUNTIMES:
        if spec.command or not _HANDLER.fullmatch(spec.handler):
            raise _refused("handler", "'module.function' for a built-in runtime, without a command")
        if spec.instance_concurrency != 1:
            raise _refused("instance_concurrency", "1: built-in runtimes take one request at a time")
    else:
        raise _refused("runtime", f"one of {', '.join(CUSTOM_RUNTIMES + BUILTIN_RUNTIMES)}")


class _Fields:
    """Reads fields of a JSON object and remembers which were known."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._known: set[str] = set()

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value(name, default)
        if not _is_text(value):
            raise _refused(name, "a string")
        return str(value)

    def words(self, name: str) -> tuple[str, ...]:
        value = self._value(name, [])
        if not isinstance(value, list) or not all(_is_text(word) and word for word in value):
            raise _refused(name, "a list of non-empty strings")
        return tuple(value)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _refused(name, f"a whole number from {least} to {most}")
        return value

    def seconds(self, name: str, default: float) -> float:
        value = self._value(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= LONGEST_TIMEOUT_S:
            raise _refused(name, f"seconds, more than 0 and at most {LONGEST_TIMEOUT_S}")
        return float(value)

    def environment(self, name: str) -> dict[str, str]:
        value = self._value(name, {})
        if not isinstance(value, dict) or not all(_is_text(item) for item in value.values()):
            raise _refused(name, "an object of strings")
        for variable in value:
            if not _VARIABLE.fullmatch(variable) or variable.startswith(_RESERVED):
                raise _refused(f"{name}.{variable}", "a name that begins with a letter and is not the platform's own")
        size = sum(len(key.encode()) + len(item.encode()) for key, item in value.items())
        if size > ENVIRONMENT_LIMIT:
            raise _refused(name, f"at most {ENVIRONMENT_LIMIT} bytes of names and values; these are {size}")
        return value

    def refuse_unknown(self) -> None:
        unknown = sorted(set(self._document) - self._known)
        if unknown:
            raise _refused(", ".join(unknown), "absent: no such field")

    def _value(self, name: str, default: Any) -> Any:
        self._known.add(name)
        value = self._document.get(name)
        if value is None and default is None:
            raise _refused(name, "given")
        return default if value is None else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _refused(name: str, right: str) -> CloudError:
    return CloudError("InvalidArgument", 400, f"{name} must be {right}.")

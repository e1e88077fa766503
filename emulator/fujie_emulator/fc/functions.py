"""Functions as the control plane keeps them: what CreateFunction was told, checked, and what GetFunction says."""

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.fc import affinity, layers, packages
from fujie_emulator.fc.errors import already_exists, invalid, not_found, unsupported
from fujie_emulator.fc.state import function_arn
from fujie_emulator.functionhost.routes import host_of
from fujie_emulator.functionhost.specification import BUILTIN_RUNTIMES, CUSTOM_RUNTIMES

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "fc"
NOT_RUN = (
    "python3.9", "python3", "nodejs20", "nodejs18", "nodejs16", "nodejs14", "java11", "java8", "go1", "php7.2",
    "dotnetcore3.1",
)  # fmt: skip
LARGEST_ENVIRONMENT = 4096  # bytes
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_DEFAULTS: dict[str, Any] = {
    "cpu": 0.35,
    "memorySize": 512,
    "diskSize": 512,
    "timeout": 3,
    "instanceConcurrency": 1,
    "internetAccess": True,
}
# Fields that are kept and read back as they came, by type.
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "cpu": (int, float),
    "customDNS": dict,
    "customRuntimeConfig": dict,
    "description": str,
    "disableInjectCredentials": str,
    "diskSize": int,
    "environmentVariables": dict,
    "functionName": str,
    "handler": str,
    "idleTimeout": int,
    "instanceConcurrency": int,
    "instanceIsolationMode": str,
    "instanceLifecycleConfig": dict,
    "internetAccess": bool,
    "layers": list,
    "logConfig": dict,
    "memorySize": int,
    "resourceGroupId": str,
    "role": str,
    "runtime": str,
    "sessionAffinity": str,
    "sessionAffinityConfig": str,
    "tags": list,
    "timeout": int,
    "tracingConfig": dict,
    "vpcConfig": dict,
}
_UNSUPPORTED = (
    "customContainerConfig", "gpuConfig", "nasConfig", "ossMountConfig", "juiceFsConfig", "polarFsConfig",
    "microSandboxConfig",
)  # fmt: skip
_RANGES: dict[str, tuple[float, float]] = {
    "cpu": (0.05, 16),
    "memorySize": (128, 32768),
    "timeout": (1, 86400),
    "instanceConcurrency": (1, 200),
    "idleTimeout": (0, 86400),
}


def create(cloud: "Cloud", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a function and return it as GetFunction does."""
    name = asked.get("functionName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("functionName", "1 to 64 letters, digits, _ and - are right, beginning with a letter or _")
    if "code" not in asked:
        raise invalid("code", "ossBucketName and ossObjectName are right")
    now = iso(cloud.clock.now())
    function = _DEFAULTS | _checked(asked) | _layers(cloud, asked) | _code(cloud, asked["code"])
    function |= {"functionId": str(uuid.uuid4()), "createdTime": now, "lastModifiedTime": now}
    _check_whole(function)
    with cloud.store.transaction():
        if cloud.store.get(SERVICE, "function", name) is not None:
            raise already_exists("Function", name)
        cloud.store.put(SERVICE, "function", name, function)
    return shown(cloud, function)


def update(cloud: "Cloud", name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the fields that are given and return the function."""
    if asked.get("functionName", name) != name:
        raise invalid("functionName", "a function keeps its name")
    changes = _checked(asked) | _layers(cloud, asked) | (_code(cloud, asked["code"]) if "code" in asked else {})
    with cloud.store.transaction():
        function = kept(cloud, name) | changes | {"lastModifiedTime": iso(cloud.clock.now())}
        _check_whole(function)
        cloud.store.put(SERVICE, "function", name, function)
    return shown(cloud, function)


def put_back(cloud: "Cloud", function: dict[str, Any]) -> None:
    """Keep again what an update replaced."""
    cloud.store.put(SERVICE, "function", function["functionName"], function)


def kept(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return what is kept of the function; raise FunctionNotFound."""
    function = cloud.store.get(SERVICE, "function", name)
    if function is None:
        raise not_found("Function", name)
    return function


def check_known(cloud: "Cloud", name: str) -> None:
    """Raise FunctionNotFound unless the control plane keeps the function, or the host runs one declared to it."""
    if cloud.store.get(SERVICE, "function", name) is None and host_of(cloud).find(name) is None:
        raise not_found("Function", name)


def shown(cloud: "Cloud", function: Mapping[str, Any]) -> dict[str, Any]:
    """Return the function on the wire; where its code lies is not told."""
    told = {name: value for name, value in function.items() if name not in ("code", "layerCode")}
    told["layers"] = [{"arn": each} for each in told.get("layers", ())]
    arn = function_arn(cloud, function["functionName"])
    return told | {"functionArn": arn, "state": "Active", "lastUpdateStatus": "Successful"}


def listed(cloud: "Cloud", prefix: str) -> list[dict[str, Any]]:
    """Return the functions by name."""
    return [shown(cloud, doc) for name, doc in cloud.store.list(SERVICE, "function") if name.startswith(prefix)]


def delete(cloud: "Cloud", name: str) -> None:
    """Forget the function with its triggers, versions, aliases and settings."""
    with cloud.store.transaction():
        kept(cloud, name)
        for kind in ("function", "async-invoke-config", "concurrency", "provision-config", "last-version"):
            cloud.store.delete(SERVICE, kind, name)
        for kind in ("trigger", "version", "alias", "async-invoke-config", "provision-config", "async-task"):
            for key, _ in cloud.store.list(SERVICE, kind):
                if key.startswith(f"{name}/"):
                    cloud.store.delete(SERVICE, kind, key)


def _checked(asked: Mapping[str, Any]) -> dict[str, Any]:
    for name in _UNSUPPORTED:
        if asked.get(name):
            raise unsupported(f"functions with {name}")
    fields = {name: asked[name] for name in _FIELDS if asked.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, _FIELDS[name]) or (isinstance(value, bool) and _FIELDS[name] is not bool):
            raise invalid(name, "it has the wrong type")
    for name, (least, most) in _RANGES.items():
        if name in fields and not least <= fields[name] <= most:
            raise invalid(name, f"{least} to {most} is right")
    return fields


def _check_whole(function: Mapping[str, Any]) -> None:
    """Raise InvalidArgument when fields that are right one by one do not go together."""
    runtime = function.get("runtime", "")
    if runtime == "custom-container":
        raise unsupported("functions in containers")
    if runtime in NOT_RUN:
        raise unsupported(f"the runtime {runtime}; {', '.join((*CUSTOM_RUNTIMES, *BUILTIN_RUNTIMES))} run here")
    if runtime not in (*CUSTOM_RUNTIMES, *BUILTIN_RUNTIMES):
        raise invalid("runtime", f"{', '.join((*CUSTOM_RUNTIMES, *BUILTIN_RUNTIMES))} are right")
    if not function.get("handler"):
        raise invalid("handler", "it is required")
    if runtime in BUILTIN_RUNTIMES and function["instanceConcurrency"] != 1:
        raise invalid("instanceConcurrency", "built-in runtimes take one request at a time")
    if function["memorySize"] % 64 or function["diskSize"] not in (512, 10240):
        raise invalid("memorySize", "a multiple of 64 is right, and 512 or 10240 for diskSize")
    gigabytes = function["memorySize"] / 1024
    if not function["cpu"] <= gigabytes <= 4 * function["cpu"]:
        raise invalid("cpu", "cpu and memory in GB must be between 1:1 and 1:4")
    affinity.check(function)
    _check_environment(function.get("environmentVariables", {}))


def _check_environment(variables: Mapping[str, Any]) -> None:
    if not all(isinstance(value, str) for value in variables.values()):
        raise invalid("environmentVariables", "texts are right")
    if sum(len(name.encode()) + len(value.encode()) for name, value in variables.items()) > LARGEST_ENVIRONMENT:
        raise invalid("environmentVariables", f"at most {LARGEST_ENVIRONMENT} bytes are right")


def _code(cloud: "Cloud", code: Any) -> dict[str, Any]:
    kept_code, size, crc64 = packages.located(cloud, code)
    return {"code": kept_code, "codeSize": size, "codeChecksum": crc64}


def _layers(cloud: "Cloud", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layers' packages as they are now: a function keeps what it was given."""
    return {"layerCode": layers.codes(cloud, asked["layers"])} if asked.get("layers") is not None else {}

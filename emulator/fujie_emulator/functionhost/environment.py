"""The environment an instance starts with: the platform's names, the role's key, the function's own variables."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from fujie_emulator.core.iam import StsCredentials
from fujie_emulator.functionhost.specification import FunctionSpec

OPT_VARIABLE = "FUJIE_EMULATOR_OPT"
TIMESHIFT = Path(__file__).parent / "timeshift"


@dataclass(frozen=True)
class Site:
    """Where the functions run: facts of the account and of this machine."""

    account_id: str
    region: str
    clock_file: Path


def instance_environment(
    site: Site, spec: FunctionSpec, key: StsCredentials | None, instance_id: str, port: int
) -> dict[str, str]:
    """Return the whole environment; nothing of the emulator's own leaks in but PATH, HOME and TMPDIR."""
    return (
        _machine()
        | _below_opt(spec)
        | _platform(site, spec, instance_id, port)
        | key_environment(key)
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(TIMESHIFT), spec.env.get("PYTHONPATH", "")])),
            "FUJIE_EMULATOR_CLOCK": str(site.clock_file),
            "FUJIE_LISTEN_HOST": "127.0.0.1",
        }
    )


def _below_opt(spec: FunctionSpec) -> dict[str, str]:
    """Return the function's variables with `/opt`, where layers lie, as the directory it is here."""
    if spec.layers is None:
        return dict(spec.env)

    def placed(entry: str) -> str:
        return f"{spec.layers}{entry[4:]}" if entry.startswith("/opt/") else entry

    paths = {
        name: os.pathsep.join(placed(entry) for entry in text.split(os.pathsep))
        for name, text in spec.env.items()
        if name in ("PATH", "LD_LIBRARY_PATH")
    }
    return {**spec.env, **paths, OPT_VARIABLE: str(spec.layers)}


def key_environment(key: StsCredentials | None) -> dict[str, str]:
    """Return the role's key under the names that Alibaba Cloud's clients read."""
    if key is None:
        return {}
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": key.security_token,
    }


def _machine() -> dict[str, str]:
    here = str(Path(sys.executable).parent)
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    path = os.pathsep.join([here, os.environ.get("PATH", os.defpath)])
    return kept | {"PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def _platform(site: Site, spec: FunctionSpec, instance_id: str, port: int) -> dict[str, str]:
    own_port = {"FC_CUSTOM_LISTEN_PORT": str(port), "FC_SERVER_PORT": str(port)} if spec.is_custom else {}
    return own_port | {
        "FC_FUNC_CODE_PATH": f"{spec.code_dir}/",
        "FC_ACCOUNT_ID": site.account_id,
        "FC_REGION": site.region,
        "FC_FUNCTION_NAME": spec.name,
        "FC_FUNCTION_HANDLER": spec.handler or "index.handler",
        "FC_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "FC_QUALIFIER": spec.version,
        "FC_INSTANCE_ID": instance_id,
        "FC_RUNTIME": spec.runtime,
        "FC_TIMEOUT": f"{spec.timeout_s:g}",
    }

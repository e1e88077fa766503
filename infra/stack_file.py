"""`Pulumi.<stack>.yaml` read without an engine: for what needs no secret, such as names and policies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fujie.errors import SettingsError
from infra.inputs import StackInputs, inputs_from_config

ROOT = Path(__file__).resolve().parent.parent
HIDDEN = "(secret)"
"""Stands for an encrypted value, which only the engine can read."""
_LATER = {f"fujie:{name}": HIDDEN for name in ("database_url", "certificate", "certificate_key")}
"""Required for a deployment, and without a part in what is read here."""


def values_from_file(stack: str, root: Path = ROOT) -> dict[str, str]:
    """Return the configuration's keys with their values as the engine gives them: texts, or JSON.

    Raises SettingsError when there is no such file or it is not one of Pulumi's.
    """
    import yaml

    file = root / f"Pulumi.{stack}.yaml"
    try:
        found = (yaml.safe_load(file.read_text("utf-8")) or {}).get("config") or {}
        return {str(key): _as_given(value) for key, value in found.items()}
    except FileNotFoundError:
        known = sorted(each.name.split(".")[1] for each in root.glob("Pulumi.*.yaml"))
        raise SettingsError(f"there is no {file.name}", repair=f"stacks here: {', '.join(known)}") from None
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file.name} is not a stack's configuration", repair="compare Pulumi.dev.yaml") from error


def inputs_without_secrets(stack: str, environ: Mapping[str, str], root: Path = ROOT) -> StackInputs:
    """Return the stack's inputs, its secrets masked or not yet there; raises SettingsError for what is wrong."""
    return inputs_from_config({**_LATER, **values_from_file(stack, root)}, stack, environ)


def _as_given(value: Any) -> str:
    if isinstance(value, dict):
        return HIDDEN if value.keys() == {"secure"} else json.dumps({key: _plain(each) for key, each in value.items()})
    return value if isinstance(value, str) else json.dumps(value)


def _plain(value: Any) -> Any:
    return HIDDEN if isinstance(value, dict) and value.keys() == {"secure"} else value

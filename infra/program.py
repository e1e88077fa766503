"""What the Pulumi program decides before it makes anything, as values."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fujie.errors import SettingsError
from fujie.tools.manifest import ProviderNeed
from infra.inputs import LOCAL, StackInputs
from infra.packages.target import CLOUD, Target, here

OWN_VENDORS = ("AliyunOAuth2", "AlibabaCloudOAuth2")
"""Vendors at which the stack's own application is a public client, without a secret."""


def tags_of(stack: str) -> dict[str, str]:
    """Return what every resource that can be tagged bears."""
    return {"app": "fujie", "stack": stack}


def target_of(inputs: StackInputs) -> Target:
    """Return what the packages are for: the cloud's Python, or with an emulator the one at hand."""
    return here() if inputs.cloud_url else Target(inputs.python, CLOUD.platform)


def missing_secrets(needs: Iterable[ProviderNeed], inputs: StackInputs, stack: str) -> Sequence[str]:
    """Return the providers for which the stack makes a secret itself, as only `local` may.

    Raises SettingsError naming those that are missing elsewhere.
    """
    wanted = [need.name for need in needs if need.vendor not in OWN_VENDORS]
    missing = [name for name in wanted if name not in inputs.provider_secrets]
    if missing and not (stack == LOCAL or inputs.cloud_url):
        raise SettingsError(
            f"stack {stack}: no secret for {', '.join(missing)}",
            repair=f"pulumi config set --secret --path 'provider_secrets.{missing[0]}' ...",
        )
    return missing


def database_of(inputs: StackInputs, root: Path) -> str:
    """Return the store's address; `local` has a file of its own."""
    if inputs.database_url is not None:
        return inputs.database_url.reveal()
    return f"sqlite+aiosqlite:///{root / '.fujie' / 'deployed.db'}"

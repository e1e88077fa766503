"""`fujie policy`: what the declaration allows whom."""

import os
from typing import Literal

from fujie.cli.dev import project_root


def shown(stack: str, language: Literal["en", "zh"]) -> str:
    """Return the table of a stack's permissions. Raises NotStartedError outside a checkout, SettingsError."""
    project_root()
    from functions.tool.manifest import TOOLS
    from infra.declaration import declare
    from infra.policy import table
    from infra.stack_file import inputs_without_secrets

    return table(declare(inputs_without_secrets(stack, os.environ).stack_config(stack), TOOLS), language)

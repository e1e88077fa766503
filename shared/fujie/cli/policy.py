"""`fujie policy`: what the declaration allows whom, and what whoever applies it must be allowed."""

import os
from typing import Literal

from fujie.cli.dev import project_root


def shown(stack: str, language: Literal["en", "zh"]) -> str:
    """Return the table of a stack's permissions. Raises NotStartedError outside a checkout, SettingsError."""
    root = project_root()
    from infra.declaration import declare
    from infra.policy import table
    from infra.served import served
    from infra.stack_file import inputs_without_secrets

    inputs = inputs_without_secrets(stack, os.environ)
    tools, _ = served(root / inputs.agent if inputs.agent else None)
    return table(declare(inputs.stack_config(stack), tools), language)


def operator(stack: str, named: str) -> str:
    """Return the RAM policy that applying a stack takes, JSON; when RAM takes it only in parts, one below the other.

    `named` stands for the stack's name in those of its resources, as a pattern: `pr-*`. Raises NotStartedError outside
    a checkout, SettingsError.
    """
    root = project_root()
    from infra.operator_policy import likened, policies
    from infra.stack_file import inputs_without_secrets

    inputs = inputs_without_secrets(stack, os.environ)
    return "\n\n".join(policies(*likened(stack, named, inputs, root)))

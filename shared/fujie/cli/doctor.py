"""`fujie doctor`: what a deployment would stumble over."""

from pathlib import Path

from fujie.cli.dev import project_root


def examined(stack: str, state: Path) -> tuple[str, bool]:
    """Return the findings, one a line, and whether nothing is wrong. Raises NotStartedError outside a checkout."""
    project_root()
    from infra.doctor import report

    return report(stack, state)

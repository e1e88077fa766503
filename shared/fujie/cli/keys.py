"""`fujie keys`: new keys for the stack of `fujie dev`, or for one that Pulumi deploys."""

from pathlib import Path

from fujie import clock
from fujie.cli.dev import project_root
from fujie.cli.errors import NotStartedError
from fujie.cli.state import state_directory


def rotated(stack: str, state: Path, *, at_once: bool) -> str:
    """Rotate, and return what is to be done next.

    Raises NotStartedError, StateError while `fujie dev` runs on that state, or SettingsError.
    """
    project_root()
    from infra.rotation import rotate_local, rotate_stack

    today = clock.now().date()
    if stack:
        generation = rotate_stack(stack, today, at_once=at_once)
        return f"Pulumi.{stack}.yaml asks for generation {generation} of the keys: apply it, make deploy STACK={stack}"
    file = state / "keys.json"
    if not file.is_file():
        raise NotStartedError(f"{state} holds no keys", repair="they are made by the first `fujie dev`")
    with state_directory(state, reset=False):
        rotate_local(file, today, at_once=at_once)
    return "The next `fujie dev` uses new keys; those before still open and verify what they made"

"""The ids of this protocol: a response is named by its run."""

import re

RESPONSE = "response_"
_RUN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def run_id_of(unverified_id: str) -> str:
    """Return the run that a response's or a task's id names; nothing where it cannot name one."""
    run_id = unverified_id.removeprefix(RESPONSE)
    return run_id if _RUN_ID.fullmatch(run_id) else ""

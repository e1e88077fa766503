"""A call that writes happens once, however often it is asked for: it is noted before its provider hears of it.

Who asks again, because no answer came, is told what came of it. A call that somebody began, and of which nobody wrote
the end, is not begun again: it may have taken effect.
"""

import json
import logging
from datetime import timedelta
from typing import Any

from fujie import clock
from fujie.identity.internal import InternalCaller
from fujie.sessions.errors import StoreError
from fujie.sessions.port import Store
from fujie.sessions.rows import Claim, Deed
from fujie.tools.errors import ToolError

HELD = timedelta(seconds=75)
"""Longer than the function's own timeout: after it, the worker is gone."""
REMEMBERED = timedelta(days=1)
"""Much longer than a run may take up what its worker left."""

log = logging.getLogger(__name__)


class OutcomeUnknownError(ToolError):
    """The call was begun before, and nobody knows what came of it."""

    code = "outcome_unknown"
    status = 409


class DoneBeforeError(ToolError):
    """The call was made before; what came of it then is the answer."""

    code = "done_before"
    status = 409


class Once:
    """One call, named by its run, its own id, its tool and what it is given."""

    def __init__(self, store: Store, caller: InternalCaller) -> None:
        self._store = store
        self._id = f"call:{caller.run_id}:{caller.call_id}:{caller.tool}:{caller.arguments_hash}"
        self._begun = False
        self._found: Claim | None = None

    async def begin(self) -> None:
        """Note that it begins; raises DoneBeforeError or OutcomeUnknownError when it was begun before."""
        now = clock.now()
        self._found = await self._store.claim_deed(Deed(self._id, "running", now + HELD, now + REMEMBERED), now)
        if self._found.state == "done":
            raise DoneBeforeError("this call was made before")
        if self._found.state != "new":
            raise OutcomeUnknownError(
                "outcome unknown: this call was begun before, and whoever made it has not said how it ended",
                repair="it may have taken effect: look before trying again",
            )
        self._begun = True

    async def ended(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to this call: the one of the first time, if it was made before; else note this one.

        An answer that could not be noted is given all the same: only who asks again will not hear it.
        """
        if self._found is not None and self._found.state == "done":
            before: dict[str, Any] = json.loads(self._found.result)
            return before
        if self._begun:
            try:
                await self._store.end_deed(self._id, "done", json.dumps(answer, ensure_ascii=False))
            except StoreError as error:
                log.warning("what came of a call could not be noted: %s", error.code)
        return answer

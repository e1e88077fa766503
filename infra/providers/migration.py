"""The store brought to the migration of the deployed code: told to `process`, which reaches it and has the migrations.

The event is delivered asynchronously, at least once, and tried again; the migrations run once, under the database's
lock. The version before runs on the newer tables, so nothing has to stop meanwhile. The deployment goes on once it is
known how that ended.
"""

import io
import json
import secrets
import time
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, Resource, UpdateResult

from infra.providers.checks import filled
from infra.providers.dynamic import CloudProvider, told
from infra.providers.errors import CloudRefusal

EVENT = {"type": "migrate"}
ASYNC = "Async"
DONE, GOING_ON = "Succeeded", ("Enqueued", "Dequeued", "Running", "Retrying")
DEADLINE_S = 900.0
"""Longer than `process` may take once, and than a migration of a large table should while people wait."""
FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 5.0
NOT_THERE = 404
TOLD = 300
"""Characters of the function's error that are repeated; all of it is in its log."""


class MigrationProvider(CloudProvider):
    """Sends the event for each new migration, once the function is there."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [CheckFailure(name, why) for name, why in filled(news, "function", "revision")])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(any(_olds.get(name) != _news.get(name) for name in ("function", "revision", "store")))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Send it and wait; sent twice it does nothing."""
        self._migrate(props["function"], props["revision"])
        return CreateResult(f"migration-of-{props['function']}", dict(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        self._migrate(_news["function"], _news["revision"])
        return UpdateResult(dict(_news))

    def _migrate(self, function: str, revision: str) -> None:
        """Raise CloudRefusal, one sentence, unless the function says in time that it is done."""
        task = f"migrate-{revision}-{secrets.token_hex(4)}"
        with told(f"migration by {function}"):
            self._send(function, task)
            until, wait_s = time.monotonic() + DEADLINE_S, FIRST_LOOK_S
            while (found := self._seen(function, task)) is None or found.status in GOING_ON:
                if time.monotonic() > until:
                    state = found.status if found else "not known"
                    raise CloudRefusal(f"migration by {function} did not end within {DEADLINE_S:.0f} s: it is {state}")
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_LOOK_S)
        if found.status != DONE:
            why = " ".join((found.task_error_message or "").split())[:TOLD]
            raise CloudRefusal(f"migration by {function} {found.status.lower()}: {why or 'its log says why'}")

    def _send(self, function: str, task: str) -> None:
        from alibabacloud_fc20230330 import models
        from darabonba.runtime import RuntimeOptions

        request = models.InvokeFunctionRequest(body=io.BytesIO(json.dumps(EVENT).encode()))
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type=ASYNC, x_fc_async_task_id=task)
        self.clients.fc.invoke_function_with_options(function, request, headers, RuntimeOptions())

    def _seen(self, function: str, task: str) -> Any:
        """Return what the platform says of the task, None as long as it knows none of that name."""
        from alibabacloud_fc20230330 import models

        try:
            return self.clients.fc.get_async_task(function, task, models.GetAsyncTaskRequest()).body
        except Exception as error:
            if getattr(error, "status_code", None) != NOT_THERE:
                raise
            return None


class Migration(Resource, module="fujie", name="Migration"):
    """The event that brings a store to a revision; `store` is what tells one store from another."""

    def __init__(
        self,
        name: str,
        function: Input[str],
        revision: str,
        store: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        props = {"function": function, "revision": revision, "store": store}
        super().__init__(MigrationProvider(), name, props, opts)

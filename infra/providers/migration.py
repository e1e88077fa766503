"""The store brought to the migration of the deployed code: told to `process`, which reaches it and has the migrations.

The event is delivered asynchronously, at least once, and tried again; the migrations run once, under the database's
lock. The version before runs on the newer tables, so nothing has to stop meanwhile.
"""

import io
import json
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, Resource, UpdateResult

from infra.providers.checks import filled
from infra.providers.dynamic import CloudProvider, told

EVENT = {"type": "migrate"}
ASYNC = "Async"


class MigrationProvider(CloudProvider):
    """Sends the event for each new migration, once the function is there."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [CheckFailure(name, why) for name, why in filled(news, "function", "revision")])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(any(_olds.get(name) != _news.get(name) for name in ("function", "revision", "store")))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Send it; sent twice it does nothing."""
        self._send(props["function"])
        return CreateResult(f"migration-of-{props['function']}", dict(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        self._send(_news["function"])
        return UpdateResult(dict(_news))

    def _send(self, function: str) -> None:
        from alibabacloud_fc20230330 import models
        from darabonba.runtime import RuntimeOptions

        request = models.InvokeFunctionRequest(body=io.BytesIO(json.dumps(EVENT).encode()))
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type=ASYNC)
        with told(f"migration by {function}"):
            self.clients.fc.invoke_function_with_options(function, request, headers, RuntimeOptions())


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

"""A version over a transport: how its results and its errors are written."""

from dataclasses import dataclass
from typing import Any

from fujie.agents.serving.a2a.listing import Page
from fujie.protocols.a2a.errors import Version
from fujie.protocols.a2a.nouns import Task
from fujie.protocols.a2a.operations import (
    DeletePush,
    GetPush,
    GetTask,
    ListPush,
    ListTasks,
    Operation,
    Send,
    SetPush,
)
from fujie.protocols.a2a.shape import Shape
from fujie.protocols.a2a.v0_3.rest import V03Rest
from fujie.protocols.a2a.v0_3.shape import V03
from fujie.protocols.a2a.v1_0.shape import V10


@dataclass(frozen=True)
class Dialect:
    version: Version
    shape: Shape
    content_type: str = "application/json"
    bare: bool = False
    """Lists are told as lists and nothing as null, as 0.3 does over JSON-RPC; else both are objects."""

    def written(self, asked: Operation, found: Any) -> Any:
        """Return a result as JSON values."""
        if isinstance(found, Task):
            return self._task(asked, found)
        match asked:
            case ListTasks():
                return self._page(asked, found)
            case ListPush():
                configs = [self.shape.push_config(asked.task_id, config) for config in found]
                return configs if self.bare else {"configs": configs}
            case DeletePush():
                return None if self.bare else {}
            case SetPush() | GetPush():
                return self.shape.push_config(asked.task_id, found)
        return found

    def _task(self, asked: Operation, task: Task) -> Any:
        if isinstance(asked, Send):
            return self.shape.named("task", self.shape.task(task, asked.history_length))
        return self.shape.task(task, asked.history_length if isinstance(asked, GetTask) else None)

    def _page(self, asked: ListTasks, page: Page) -> Any:
        tasks = [self.shape.task(task, asked.history_length, artifacts=asked.artifacts) for task in page.tasks]
        counts = {"pageSize": asked.page_size, "totalSize": page.total}
        return {"tasks": tasks, "nextPageToken": page.next_token} | counts


_V10 = V10()
RPC: dict[Version, Dialect] = {"0.3": Dialect("0.3", V03(), bare=True), "1.0": Dialect("1.0", _V10)}
REST: dict[Version, Dialect] = {
    "0.3": Dialect("0.3", V03Rest()),
    "1.0": Dialect("1.0", _V10, "application/a2a+json"),
}

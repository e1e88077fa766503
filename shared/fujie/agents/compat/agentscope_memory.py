"""AgentScope 1.x's memory over a session history service: what was said is kept with the session."""

from importlib import import_module
from typing import Any

from fujie.agents.compat.services import InMemorySessionHistoryService

_InMemoryMemory: Any = import_module("agentscope.memory").InMemoryMemory
_Msg: Any = import_module("agentscope.message").Msg


class AgentScopeSessionHistoryMemory(_InMemoryMemory):  # type: ignore[misc]  # AgentScope is not installed here
    """Each message with its marks, in the session's history; its own state is empty, since the service has it all."""

    def __init__(self, service: InMemorySessionHistoryService, user_id: str, session_id: str) -> None:
        super().__init__()
        self._service = service
        self.user_id = user_id
        self.session_id = session_id

    async def add(self, memories: Any, marks: Any = None, **options: Any) -> None:
        """Append messages; one that is there already is not, as in AgentScope's own memory."""
        await self._fetch()
        known = len(self.content)
        await super().add(memories, marks, **options)
        await self._append(self.content[known:])

    async def get_memory(self, *arguments: Any, **options: Any) -> list[Any]:
        """Return the messages, as AgentScope's own memory does."""
        await self._fetch()
        found: list[Any] = await super().get_memory(*arguments, **options)
        return found

    async def size(self) -> int:
        """Return how many messages there are."""
        await self._fetch()
        return len(self.content)

    async def delete(self, msg_ids: list[str], **options: Any) -> int:
        """Forget messages by id."""
        return await self._changed(super().delete, msg_ids, **options)

    async def delete_by_mark(self, mark: Any, **options: Any) -> int:
        """Forget messages by mark."""
        return await self._changed(super().delete_by_mark, mark, **options)

    async def update_messages_mark(self, *arguments: Any, **options: Any) -> int:
        """Change marks."""
        return await self._changed(super().update_messages_mark, *arguments, **options)

    async def clear(self) -> None:
        """Forget all messages."""
        await super().clear()
        await self._service.delete_session(self.user_id, self.session_id)

    def state_dict(self) -> dict[str, Any]:
        """Return only the summary: the messages are with the service."""
        return {"_compressed_summary": self._compressed_summary}

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> None:  # noqa: FBT001, FBT002, ARG002 - AgentScope's signature
        """Take the summary."""
        self._compressed_summary = state_dict.get("_compressed_summary", "")

    async def _changed(self, change: Any, *arguments: Any, **options: Any) -> int:
        await self._fetch()
        count: int = await change(*arguments, **options)
        if count:
            await self._service.delete_session(self.user_id, self.session_id)
            await self._append(self.content)
        return count

    async def _fetch(self) -> None:
        session = await self._service.get_session(self.user_id, self.session_id)
        kept = session.messages if session else []
        self.content = [(_Msg.from_dict(item["msg"]), list(item["marks"])) for item in kept]

    async def _append(self, content: list[tuple[Any, list[str]]]) -> None:
        session = await self._service.create_session(self.user_id, self.session_id)
        rows = [{"msg": message.to_dict(), "marks": marks} for message, marks in content]
        await self._service.append_message(session, rows)

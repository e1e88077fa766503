"""Friday, an AgentScope 1.x agent that remembers its sessions: AgentScope Runtime's quickstart, imported from Fujie."""

import os
from collections.abc import AsyncIterator
from typing import Any

from agentscope.agent import ReActAgent
from agentscope.formatter import DashScopeChatFormatter
from agentscope.message import Msg
from agentscope.model import DashScopeChatModel
from agentscope.pipeline import stream_printing_messages
from agentscope.tool import Toolkit, execute_python_code

from fujie.agents.compat import (
    AgentApp,
    AgentRequest,
    AgentScopeSessionHistoryMemory,
    InMemorySessionHistoryService,
    InMemoryStateService,
)

agent_app = AgentApp(app_name="Friday", app_description="A helpful assistant")


@agent_app.init
async def init_func(self: Any) -> None:
    """Start what remembers: the agents' states, and what was said."""
    self.state_service = InMemoryStateService()
    self.session_service = InMemorySessionHistoryService()
    await self.state_service.start()
    await self.session_service.start()


@agent_app.shutdown
async def shutdown_func(self: Any) -> None:
    """Stop it."""
    await self.state_service.stop()
    await self.session_service.stop()


@agent_app.query(framework="agentscope")
async def query_func(
    self: Any, msgs: list[Msg], request: AgentRequest, **_more: Any
) -> AsyncIterator[tuple[Msg, bool]]:
    """Answer with an agent made for this request, which goes on where the last one of its session was."""
    user_id, session_id = request.user_id, request.session_id
    toolkit = Toolkit()
    toolkit.register_tool_function(execute_python_code)
    friday = ReActAgent(
        name="Friday",
        sys_prompt="You're a helpful assistant named Friday.",
        model=DashScopeChatModel("qwen-turbo", api_key=os.environ["DASHSCOPE_API_KEY"], stream=True),
        formatter=DashScopeChatFormatter(),
        toolkit=toolkit,
        memory=AgentScopeSessionHistoryMemory(self.session_service, user_id, session_id),
    )
    friday.set_console_output_enabled(enabled=False)
    if state := await self.state_service.export_state(user_id=user_id, session_id=session_id):
        friday.load_state_dict(state)
    async for msg, last in stream_printing_messages(agents=[friday], coroutine_task=friday(msgs)):
        yield msg, last
    await self.state_service.save_state(user_id=user_id, session_id=session_id, state=friday.state_dict())


if __name__ == "__main__":
    agent_app.run(host="127.0.0.1", port=8090)

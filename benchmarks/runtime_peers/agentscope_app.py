"""The peer agentscope-runtime at its best: framework `text`, without AgentScope's messages. Usage: PORT.

Its decorator refuses that framework, so its Runner is subclassed.
"""

import sys
from typing import Any

from agentscope_runtime.engine.app import AgentApp
from agentscope_runtime.engine.runner import Runner


class Echo(Runner):  # type: ignore[misc,unused-ignore]  # the peer's environment alone has it
    def __init__(self) -> None:
        super().__init__()
        self.framework_type = "text"

    async def query_handler(self, request: Any = None, **kwargs: Any) -> Any:  # noqa: ARG002 - the peer hands more
        text = request.input[-1].get_text_content()
        if text != "stream":
            yield text
            return
        for index in range(200):
            yield f"tok{index:04d} "


AgentApp(app_name="bench", runner=Echo()).run(host="127.0.0.1", port=int(sys.argv[1]))

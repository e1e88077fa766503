"""The peer agentscope-runtime as it is documented: `@app.query(framework="agentscope")`. Usage: PORT."""

import sys
from typing import Any

from agentscope.message import Msg, TextBlock
from agentscope_runtime.engine.app import AgentApp

app = AgentApp(app_name="bench")


@app.query(framework="agentscope")  # type: ignore[misc,unused-ignore]  # the peer's environment alone has it
async def query(self: Any, msgs: Any, request: Any = None, **kwargs: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201, ARG001 - FastAPI reads it
    text = request.input[-1].get_text_content()
    yield Msg("bench", [TextBlock(type="text", text=text)], "assistant"), True


app.run(host="127.0.0.1", port=int(sys.argv[1]))

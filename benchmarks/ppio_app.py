"""The peer: ppio-agent-runtime with an agent that answers at once. Usage: ppio_app.py PORT."""

import sys

from ppio_agent_runtime import PPIOAgentRuntimeApp

app = PPIOAgentRuntimeApp()


@app.entrypoint
async def answer(request: dict[str, str]) -> dict[str, str]:
    return {"result": request["prompt"]}


app.run(host="127.0.0.1", port=int(sys.argv[1]))

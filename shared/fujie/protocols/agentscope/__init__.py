"""AgentScope Runtime's `/process` protocol: the request, the event stream, and back.

`encode` turns events into server-sent events, `decode` reads them, `request` checks what came in.
"""

SPEC = "agentscope-runtime 1.1.6"
"""The version whose traced bytes are followed; the column `agentscope` of its adapters."""

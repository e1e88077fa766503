"""MCP: the agent as a tool, over streamable HTTP, stateless in the current revision and in the earlier ones.

`message` checks what came in, `tool` declares the agent, `call` makes a run of a call, `encode` and `result` answer it,
`resource` says where tokens come from, `errors` what went wrong. The SDK's server would serve the same revisions, but
costs 0.6 s and 30 MB at the first request, and keeps the sessions of the earlier ones in one process.
"""

SPEC = "MCP 2026-07-28, 2025-11-25, 2025-06-18"
MODERN = ("2026-07-28",)
"""Revisions whose requests stand alone: version, client and capabilities are in each one's `_meta`."""
LEGACY = ("2025-11-25", "2025-06-18")
"""Revisions that begin with `initialize`, newest first. Older ones would have us take batches, or another transport."""

"""A2A in both lines that are spoken, 0.3 and 1.0, over JSON-RPC and HTTP+JSON.

A run is a task: `tasks` follows a run's events and says what changed, in no version's words; `v0_3` and `v1_0` hold
each version's shapes and read its requests; `operations` is what a client can ask for, whatever its version.
`card` and `signature` make the agent card.
"""

SPEC = "A2A 1.0 (specification of 2026-08) and 0.3.0, as a2a-sdk 1.3.0 and 0.3.26 read them"

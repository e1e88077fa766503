"""The invocations protocol of PPIO's and AgentCore's agent runtimes: any JSON in, JSON or server-sent JSON out."""

SPEC = "ppio-agent-runtime 0.1.0, bedrock-agentcore 1.25.0"
"""No specification exists but the two servers, and the clients that call them; see docs/protocols/invocations.md."""

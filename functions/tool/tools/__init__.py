"""The tools of the agent that ships, one module per service that they reach."""

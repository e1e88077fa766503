"""process, the agent's plane: runs agents, speaks the agent protocols, keeps the runs' event log."""

"""Agents: the app an agent developer writes, its runs and their event log."""

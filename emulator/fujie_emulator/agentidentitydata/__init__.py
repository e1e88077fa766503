"""Agent Identity's data plane (2025-11-27): workload access tokens, and the credentials they open."""

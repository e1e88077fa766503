"""Agent Identity's control plane (2025-09-01): workload identities and the providers bound to them."""

"""Access to OpenAI-compatible models."""

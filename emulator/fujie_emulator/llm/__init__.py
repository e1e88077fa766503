"""An OpenAI-compatible endpoint behind which a deterministic, scripted model answers."""

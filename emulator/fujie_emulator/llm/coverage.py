"""What COVERAGE.md says of the scripted model."""

from fujie_emulator.core.coverage import Coverage, Note

COVERAGE = Coverage(
    title="llm (OpenAI-compatible)",
    source="documented",
    done=lambda: ("models", "chat.completions"),
    notes={"chat.completions": Note(partly="a script answers; tokens are counted by a rule of thumb")},
    refused=lambda: {"everything else under /llm/v1": "answers 404 `unknown_url`"},
    inventions=("The whole script: which words call which tool, and what is said of the result.",),
)

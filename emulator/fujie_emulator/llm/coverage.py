"""What COVERAGE.md says of the scripted model."""

from fujie_emulator.core.coverage import Coverage, Note

COVERAGE = Coverage(
    title="llm (OpenAI-compatible)",
    source="documented",
    done=lambda: ("models", "chat.completions", "responses", "generation"),
    notes={
        "chat.completions": Note(partly="a script answers; tokens are counted by a rule of thumb"),
        "generation": Note(
            partly="DashScope's own wire, text and multimodal, `result_format: message`; a script answers"
        ),
        "responses": Note(
            partly="a script answers; text and functions only, one item of output; nothing is kept, so no retrieval, "
            "no `previous_response_id`, no `background`; `max_output_tokens` and structured output are not followed"
        ),
    },
    refused=lambda: {"everything else under /llm/v1": "answers 404 `unknown_url`"},
    inventions=(
        "The whole script: which words call which tool, and what is said of the result.",
        "Own rules, tried first, from `start --llm-script FILE` or `PUT /_fujie/llm/script` (until a restart).",
    ),
)

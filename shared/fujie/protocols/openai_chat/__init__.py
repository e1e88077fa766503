"""OpenAI's chat completions: the request, the chunks or the one object, and errors in OpenAI's own form.

`request` checks what came in, `encode` turns events into an answer, `errors` says what went wrong.
"""

SPEC = "openai chat completions v1, as the official client 3.52.0 reads it"
"""The version whose models every answer is held to. What is ours is under the key `fujie`."""

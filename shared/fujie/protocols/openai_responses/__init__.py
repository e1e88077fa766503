"""OpenAI's Responses API: the request, the events or the one Response object, made from the same run.

`request` checks what came in, `items` and `encode` turn events into an answer, `response` is the object around it.
"""

SPEC = "openai responses v1, as the official client 3.52.0 reads it"
"""The version whose models every answer is held to. What is ours is under the key `fujie`."""

"""What a caller sends to stop a run: the ids of an AgentRequest, of which nothing else is needed."""

import msgspec
from msgspec import Struct

from fujie.errors import InputError
from fujie.protocols.agentscope.request import Id


class StopRequest(Struct, frozen=True):
    """Which run: by its response id, or by the session that it runs in. A `user_id` is not believed."""

    id: Id | None = None
    session_id: Id | None = None


_decoder = msgspec.json.Decoder(StopRequest)


def stop_request(unverified_body: bytes) -> StopRequest:
    """Return the request in a body. Raises InputError."""
    try:
        asked = _decoder.decode(unverified_body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InputError("the body must be a JSON object with `id` or `session_id`") from error
    if asked.id is None and asked.session_id is None:
        raise InputError("what is to stop?", repair="send `id`, the response's, or `session_id`")
    return asked

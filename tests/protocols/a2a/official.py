"""The official parsers of both lines: a2a-sdk 1.x brings 0.3's models along."""

import warnings

from a2a.compat.v0_3 import a2a_v0_3_pb2 as pb_0_3
from a2a.compat.v0_3 import types as models_0_3
from a2a.compat.v0_3.proto_utils import FromProto
from a2a.types import a2a_pb2 as pb_1_0
from google.protobuf.json_format import ParseDict


def stream_1_0(frame):
    """One event of a stream as 1.0's ProtoJSON, read strictly."""
    return ParseDict(frame, pb_1_0.StreamResponse())


def task_1_0(value):
    return ParseDict(value, pb_1_0.Task())


def stream_0_3(frame):
    """One event of a stream as 0.3's JSON-RPC models it."""
    answer = {"jsonrpc": "2.0", "id": "1", "result": frame}
    found = models_0_3.SendStreamingMessageResponse.model_validate(answer).root.result
    assert found.kind == frame["kind"]
    return found


def stream_0_3_rest(frame):
    """One event of a stream as 0.3's ProtoJSON, read strictly and then by its SDK's conversions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FromProto.stream_response(ParseDict(frame, pb_0_3.StreamResponse()))

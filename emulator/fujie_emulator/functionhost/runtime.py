"""The built-in Python runtime: loads `module.function` and calls it with one event at a time.

Started as `python -m fujie_emulator.functionhost.runtime FD` in the code directory. Frames travel over the socket FD;
standard output and error belong to the function. The context has the fields of the python3.12 runtime (fc.md 3).
"""

import importlib
import json
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fujie_emulator.functionhost.frames import frame, read_frame

Handler = Callable[[bytes, "Context"], Any]


@dataclass(frozen=True)
class FunctionMeta:
    """`context.function`."""

    name: str
    handler: str
    memory: int
    timeout: int
    version_id: str = ""
    qualifier: str = "LATEST"


@dataclass(frozen=True)
class Context:
    """What a handler is told beside the event; credentials are in the environment, as on python3.12."""

    request_id: str
    function: FunctionMeta
    region: str
    account_id: str
    log_project: str = ""
    log_store: str = ""
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("fc"))

    @classmethod
    def of(cls, request_id: str) -> "Context":
        """Return the context of one request of this instance."""
        env = os.environ
        function = FunctionMeta(
            name=env["FC_FUNCTION_NAME"],
            handler=env["FC_FUNCTION_HANDLER"],
            memory=int(env["FC_FUNCTION_MEMORY_SIZE"]),
            timeout=int(float(env["FC_TIMEOUT"])),
        )
        return cls(request_id, function, env["FC_REGION"], env["FC_ACCOUNT_ID"])


def load(handler: str) -> tuple[Handler, Any]:
    """Return the handler and its module; the code directory comes first on the path, as in FC."""
    module_name, _, function_name = handler.rpartition(".")
    if os.getcwd() not in sys.path:  # noqa: PTH109  pathlib would only be loaded for this
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    module = importlib.import_module(module_name.replace("/", "."))
    return getattr(module, function_name), module


def error_object(error: BaseException) -> bytes:
    """Return the JSON that FC answers when a handler raised."""
    entries = traceback.extract_tb(error.__traceback__)
    stack = [[entry.filename, entry.lineno, entry.name, entry.line] for entry in entries]
    answer = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack[1:]}
    return json.dumps(answer, ensure_ascii=False).encode()


def payload_of(result: Any) -> bytes:
    """Return the bytes of a handler's result: bytes and text as they are, anything else as JSON."""
    if isinstance(result, bytes | bytearray | memoryview):
        return bytes(result)
    return result.encode() if isinstance(result, str) else json.dumps(result, ensure_ascii=False).encode()


def answer(handler: Handler, event: bytes, request_id: str) -> bytes:
    """Return the frame that answers one event."""
    try:
        return frame({"type": "result"}, payload_of(handler(event, Context.of(request_id))))
    except Exception as error:  # noqa: BLE001  a handler may raise anything; FC reports it and lives on
        traceback.print_exc()
        return frame({"type": "error", "error_type": "UnhandledInvocationError"}, error_object(error))


def serve(connection: socket.socket) -> None:
    """Load the function, say so, then answer events until the host closes the socket."""
    try:
        handler, module = load(os.environ["FC_FUNCTION_HANDLER"])
        initialize = getattr(module, "initialize", None)
        if callable(initialize):
            initialize(Context.of(os.environ["FC_INSTANCE_ID"]))
    except Exception as error:  # noqa: BLE001  whatever the module does at import is the function's own fault
        traceback.print_exc()
        connection.sendall(frame({"type": "failed", "error_type": "InitializationError"}, error_object(error)))
        return
    connection.sendall(frame({"type": "ready"}))
    with connection.makefile("rb") as stream:
        while (request := read_frame(stream)) is not None:
            connection.sendall(answer(handler, request[1], str(request[0]["request_id"])))
            sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's business
    logging.getLogger("fc").addHandler(logging.StreamHandler(sys.stdout))  # the root logger stays the function's
    logging.getLogger("fc").setLevel(logging.INFO)
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        serve(inherited)

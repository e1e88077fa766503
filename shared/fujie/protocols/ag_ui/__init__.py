"""AG-UI: the run input, and the event stream that answers it.

`request` checks what came in, `events` says a run in AG-UI's events, `encode` frames them, `protobuf` is the binary
frame, `interrupts` names what a run waits for, `errors` answers what could not begin.
"""

SPEC = "AG-UI 1.0"
PROTOCOL_VERSION = "1.0"
"""Declared on every RUN_STARTED, as the specification's versioning page asks."""

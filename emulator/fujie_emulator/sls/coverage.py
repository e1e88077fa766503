"""What COVERAGE.md says of the log service."""

from fujie_emulator.core.coverage import Coverage, Note
from fujie_emulator.sls.routes import OPERATIONS

COVERAGE = Coverage(
    title="sls (function logs) 2020-12-30",
    source="documented",
    done=lambda: (*OPERATIONS, "GetLogs"),
    notes={
        "GetLogs": Note(partly="GET with words to find; no analysis, no contexts"),
        "CreateIndex": Note(partly="kept, and told; words are found without it"),
        "GetProjectPolicy": Note(partly="always none"),
    },
    inventions=(
        "Signatures of the version v1, with HMAC-SHA1 or HMAC-SHA256; a project is the first label of the host.",
        "This cloud's port is a proxy for plain HTTP, too: so clients reach `PROJECT.endpoint` without a name server.",
        "A function's lines go to the store that its `logConfig` names: `functionName`, `qualifier`, `message`.",
    ),
)

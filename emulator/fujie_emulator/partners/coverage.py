"""What COVERAGE.md says of the services outside the cloud."""

from fujie_emulator.core.coverage import Coverage, Note, noted

COVERAGE = Coverage(
    title="partners",
    source="documented",
    done=lambda: (
        "metadata",
        "authorize",
        "decide",
        "token",
        "revoke",
        "GetCurrentWeather",
        "GetCurrentTime",
        "ReadDocument",
        "WriteDocument",
        "Read",
        "MCP",
    ),
    notes=noted("GetCurrentWeather GetCurrentTime Read decide", Note(source="invented"))
    | noted("ReadDocument WriteDocument", Note(partly="one text per document", source="inferred"))
    | {"MCP": Note(partly="one tool, `ListInstances`, whose instances are made up")},
    inventions=("The partners' APIs and their data; OAuth 2.1 and MCP themselves are as their specifications say.",),
)

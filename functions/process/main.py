"""The entry of the function: `python -m functions.process.main`."""

import fujie.fc.loading  # noqa: F401 - begins the start, which `serve` ends
from fujie.fc.custom_runtime import serve
from fujie.settings import settings_from_environ
from fujie.telemetry import configure_logging
from functions.process.app import create_app
from functions.process.parts import parts_from_settings

THEN_LOAD = ("fujie.sessions.sql", "joserfc.jwt", "fujie.llm.chat_model", "fujie.agents.pushes.service")
"""What the first person's request will need; imported while nobody waits."""


def main() -> None:
    """Serve until SIGTERM."""
    configure_logging()
    parts = parts_from_settings(settings_from_environ())
    serve(create_app(parts), then_load=THEN_LOAD, drain=parts.runs.close)


if __name__ == "__main__":
    main()

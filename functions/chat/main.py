"""chat's entry on a custom runtime: `python -m functions.chat.main`."""

import fujie.fc.loading  # noqa: F401 - begins the start, which `serve` ends
from fujie.fc.custom_runtime import serve
from fujie.settings import settings_from_environ
from fujie.telemetry import configure_logging
from functions.chat.app import create_app
from functions.chat.parts import parts_from_settings

THEN_LOAD = ("fujie.sessions.sql", "joserfc.jwt")
"""What the first person's request will need; imported while nobody waits."""


if __name__ == "__main__":
    configure_logging()
    serve(create_app(parts_from_settings(settings_from_environ())), then_load=THEN_LOAD)

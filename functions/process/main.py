"""The entry of the function: `python -m functions.process.main`."""

from fujie.fc.custom_runtime import serve
from fujie.settings import settings_from_environ
from fujie.telemetry import configure_logging
from functions.process.app import create_app
from functions.process.parts import parts_from_settings


def main() -> None:
    """Serve until SIGTERM."""
    configure_logging()
    serve(create_app(parts_from_settings(settings_from_environ())))


if __name__ == "__main__":
    main()

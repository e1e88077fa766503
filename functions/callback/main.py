"""callback's entry on the built-in runtime: `functions.callback.main.handler`."""

import fujie.fc.loading
from fujie.fc.handler import fc_handler
from fujie.settings import settings_from_environ
from fujie.telemetry import configure_logging
from functions.callback.app import create_app
from functions.callback.parts import parts_from_settings

configure_logging()
handler = fc_handler(create_app(parts_from_settings(settings_from_environ())))
fujie.fc.loading.done()

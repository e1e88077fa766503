"""The same agent with its server made and not run: run by the test of what that imports."""

from contextlib import suppress

from fujie.fc.bare_uvicorn import leave_command_line_out
from tests.agents.alone import app

leave_command_line_out()

import uvicorn  # noqa: E402 - as the runtime imports it

uvicorn.Server.run = lambda _server, _sockets: None
with suppress(SystemExit):  # what did not run did not start
    app.run()

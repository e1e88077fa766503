"""`app.run()`: the agent as a server of its own."""

import logging
import sys

from fujie.agents.app import AgentApp
from fujie.agents.doors import Closed
from fujie.agents.serving.loopback import is_loopback
from fujie.errors import SettingsError
from fujie.fc.custom_runtime import run_server
from fujie.telemetry import configure_logging, tell_errors_whole

_log = logging.getLogger(__name__)


def run(app: AgentApp) -> None:
    """Serve until SIGTERM. Raises SettingsError when the agent would be open to others without that being said."""
    config = app.config
    if config.open_access and config.open_access != "anywhere" and not is_loopback(config.host):
        raise SettingsError(
            f"an agent that lets everybody in would listen at {config.host}",
            repair='listen at 127.0.0.1, name api_keys or issuers, or say open_access="anywhere"',
        )
    configure_logging()
    if sys.stderr.isatty() and config.open_access and config.open_access != "anywhere":
        tell_errors_whole(sys.stderr)
    application = app.application
    if isinstance(application.served.inbound, Closed):
        _log.warning("nobody is let in: name issuers or api_keys in AgentConfig, or set open_access")
    _log.info("%s listens at http://%s:%d", app.app_name, config.host, config.port)
    run_server(
        application.answer,
        config.host,
        config.port,
        drain=application.served.runs.close,
        shutdown_s=config.shutdown_s,
        max_message_bytes=config.max_body_bytes,
    )

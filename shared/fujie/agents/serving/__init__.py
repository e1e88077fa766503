"""The agent over HTTP: every protocol's routes as one plain ASGI application, with no web framework beneath."""

"""A token for the README's curl, where something else stands at the stack's port."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fujie.cli.errors import NotStartedError
from fujie.cli.token import id_token_of


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"[]"])
def test_something_else_at_the_stacks_address_is_said_to_be_that(tmp_path, body):
    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_): ...

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "dev.json").write_text(json.dumps({"url": url, "cloud": url, "users": ["alice"]}))
        with pytest.raises(NotStartedError, match="something else"):
            id_token_of("alice", tmp_path)
        server.shutdown()

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fujie.cli.dev import DevOptions, _answers, concerned, run_dev
from fujie.cli.errors import StateError
from fujie.cli.state import state_directory

ROOT = Path("/project")
ALL = ["chat", "process", "callback", "tool"]


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        (["functions/chat/app.py"], ["chat"]),
        (["functions/tool/tools/weather.py", "functions/callback/app.py"], ["callback", "tool"]),
        (["shared/fujie/clock.py"], ALL),
        (["shared/fujie/clock.py", "functions/chat/app.py"], ALL),
        (["docs/page.py"], []),
    ],
)
def test_a_change_restarts_what_it_concerns(changed, restarted):
    assert concerned([ROOT / path for path in changed], ROOT, None) == restarted


def test_a_change_of_the_agent_restarts_what_serves_it():
    agent = Path("/elsewhere/agent.py")
    assert concerned([agent], ROOT, agent) == ["chat", "process", "tool"]


def test_ones_own_stack_is_told_from_another_program_at_its_port(tmp_path):
    with state_directory(tmp_path, reset=False), socket.create_server(("127.0.0.1", 0)) as other:
        options = DevOptions(other.getsockname()[1], tmp_path, None, open_browser=False, agent=None, reset=False)
        with pytest.raises(StateError, match="in use by another `fujie dev`"):
            run_dev(options)


@pytest.fixture
def answering():
    """Answer with the status that the path names, or hang up at any other path."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path[1:].isdigit():
                self.send_response(int(self.path[1:]))
                self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "answers"),
    [("/200", True), ("/302", True), ("/401", True), ("/404", True), ("/500", False), ("/503", False), ("/x", False)],
)
def test_a_function_answers_when_what_it_says_is_not_a_fault_of_its_own(answering, path, answers):
    assert _answers(answering + path) is answers


def test_where_nobody_listens_nobody_answers():
    assert _answers("http://127.0.0.1:9/200") is False

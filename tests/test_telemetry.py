import asyncio
import io
import json
import logging

import pytest

from fujie import telemetry
from fujie.secret import Secret
from fujie.telemetry import JsonFormatter, bind, bound_ids, configure_logging


def line(message, *args, **more):
    record = logging.LogRecord("fujie.test", logging.INFO, __file__, 1, message, args, more.get("exc_info"))
    return json.loads(JsonFormatter().format(record))


def test_a_line_is_json_with_the_ids_of_what_is_under_way(monkeypatch):
    monkeypatch.setenv("FC_FUNCTION_NAME", "tool")
    with bind(request_id="r", run_id="run-1"), bind(user_id="u"):
        said = line("called %s", "get_weather")
    assert said["message"] == "called get_weather"
    assert {name: said[name] for name in ("function", "request_id", "run_id", "user_id")} == {
        "function": "tool",
        "request_id": "r",
        "run_id": "run-1",
        "user_id": "u",
    }
    assert "run_id" not in line("later")


def test_a_line_break_in_a_message_stays_one_line():
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "a\nb 符节", (), None)
    assert JsonFormatter().format(record).count("\n") == 0


def test_a_secret_is_masked_wherever_it_is_logged():
    assert "hidden" not in json.dumps(line("token %s %r", Secret("hidden"), {"a": Secret("hidden")}))


def test_an_error_keeps_its_place():
    try:
        int("broken")
    except ValueError as error:
        said = line("failed", exc_info=(ValueError, error, error.__traceback__))
    assert "test_telemetry.py" in said["error"]


def test_only_known_ids_are_bound():
    with pytest.raises(TypeError, match="token"), bind(token="x"):
        pass


async def test_two_requests_at_once_keep_their_own_ids():
    async def request(number):
        with bind(request_id=number):
            await asyncio.sleep(0)
            return bound_ids()["request_id"]

    assert await asyncio.gather(request("1"), request("2")) == ["1", "2"]


@pytest.fixture
def root():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_logging_is_configured_once(root, capsys):
    configure_logging()
    configure_logging()
    assert len([one for one in root.handlers if isinstance(one.formatter, JsonFormatter)]) == 1
    logging.getLogger("fujie.x").info("hello")
    logging.getLogger("httpx2").info("GET https://a.example/?code=secret")
    out = capsys.readouterr().out.splitlines()
    assert [json.loads(text)["message"] for text in out] == ["hello"]


def test_no_exporter_means_no_opentelemetry():
    import subprocess
    import sys

    code = "import sys, fujie.telemetry as t; t.configure_logging(); print('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_a_block_inside_another_adds_to_it_and_what_it_leaves_empty_stays():
    with bind(request_id="r", user_id="u"), bind(user_id="v", run_id=""):
        assert {name: value for name, value in bound_ids().items() if value} == {"request_id": "r", "user_id": "v"}


def test_a_block_is_entered_once_at_a_time():
    block = bind(run_id="r")
    with block, pytest.raises(AssertionError), block:
        pass
    with block:
        assert bound_ids()["run_id"] == "r"
    assert bound_ids()["run_id"] == ""


def test_a_developer_at_his_own_terminal_reads_errors_whole(monkeypatch):
    monkeypatch.setattr(telemetry, "_terminal", None)
    error = LookupError("the database is down")
    assert "down" not in telemetry.kinds_and_places(error)
    telemetry.tell_errors_whole(terminal := io.StringIO())
    assert "down" not in telemetry.kinds_and_places(error)
    assert "LookupError: the database is down" in terminal.getvalue()


def test_at_a_terminal_a_line_is_for_a_person_and_tells_no_words_of_errors(root, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    configure_logging()
    logging.getLogger("fujie.x").warning("it failed", exc_info=LookupError("secret words"))
    out = capsys.readouterr().out
    assert "WARNING it failed" in out
    assert "\nLookupError" in out
    assert "secret" not in out

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import openai
import pytest

from fujie_emulator.__main__ import main
from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.llm.request import ChatRequest, OfferedTool, ToolCall, ToolResult
from fujie_emulator.llm.script import MAX_FILE, MAX_MATCHED, MAX_RULES, ScriptError, read_script, script_from_json
from fujie_emulator.llm.state import reply_to

PARCEL = {"when": r"(?i)parcel \d+", "call": {"tool": "track", "arguments": {"id": 7}}, "then": "It is {result}."}
RULES = [{"when": "^hello$", "say": "Good day."}, PARCEL, {"when": "weather", "say": "Always sunny."}]
TRACK = OfferedTool("track")


def asked(question, *results, rules=RULES, tools=(TRACK,), **more):
    request = ChatRequest(model="scripted", question=question, tools=tools, results=results, **more)
    return reply_to(request, script_from_json({"rules": rules}))


def tracked(content):
    return ToolResult(ToolCall("track", {"id": 7}), content)


@pytest.mark.parametrize(
    ("question", "results", "call", "text"),
    [
        ("hello", (), None, "Good day."),
        ("where is Parcel 7?", (), ToolCall("track", {"id": 7}), ""),
        ("where is Parcel 7?", (tracked("on its way"),), None, "It is on its way."),
        ("What is the weather?", (), None, "Always sunny."),
    ],
)
def test_a_rule_of_the_script_comes_before_the_models_own(question, results, call, text):
    reply = asked(question, *results, tools=(TRACK, OfferedTool("get_weather")))
    assert (reply.call, reply.text) == (call, text)


def test_the_first_rule_that_matches_wins():
    rules = [{"when": "a", "say": "first"}, {"when": "a", "say": "second"}]
    assert asked("a", rules=rules).text == "first"


def test_a_question_without_a_rule_is_answered_as_ever():
    assert asked("sing").text.startswith("I am a scripted model")


def test_a_tool_that_is_not_offered_is_not_called():
    assert asked("parcel 7", tools=()).call is None


def test_words_do_not_stand_in_for_a_required_call():
    assert asked("hello", must_call=True).call is not None


@pytest.mark.parametrize(
    ("rule", "content", "words"),
    [
        (PARCEL, json.dumps({"error": {"code": "consent_denied", "message": "no"}}), "denied"),
        ({key: PARCEL[key] for key in ("when", "call")}, json.dumps({"place": "Hangzhou"}), "Hangzhou"),
    ],
)
def test_a_failure_and_a_rule_without_then_leave_the_words_to_the_model(rule, content, words):
    text = asked("parcel 7", tracked(content), rules=[rule]).text
    assert words in text
    assert not text.startswith("It is")


def test_only_the_beginning_of_a_message_is_matched():
    rules = [{"when": "end$", "say": "seen"}]
    assert asked("x" * (MAX_MATCHED - 3) + "end", rules=rules).text == "seen"
    assert asked("x" * MAX_MATCHED + "end", rules=rules).text != "seen"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("x", r"rules\[1\] must be an object"),
        ({"say": "x"}, r"rules\[1\].when must be a regular expression"),
        ({"when": "", "say": "x"}, r"rules\[1\].when must be"),
        ({"when": "x" * 201, "say": "x"}, r"rules\[1\].when must be a regular expression of 1 to 200"),
        ({"when": "(", "say": "x"}, r"rules\[1\].when is not a regular expression"),
        ({"when": "a{99999999999}", "say": "x"}, r"rules\[1\].when is not a regular expression"),
        ({"when": "x"}, r"rules\[1\] must have either say or call"),
        ({"when": "x", "say": "x", "call": {"tool": "t"}}, r"rules\[1\] must have either"),
        ({"when": "x", "say": 1}, r"rules\[1\].say must be a text"),
        ({"when": "x", "say": "x", "then": "y"}, r"rules\[1\].then needs a call"),
        ({"when": "x", "call": "t"}, r"rules\[1\].call must be an object"),
        ({"when": "x", "call": {}}, r"rules\[1\].call.tool must be the name"),
        ({"when": "x", "call": {"tool": "t", "arguments": []}}, r"rules\[1\].call.arguments must be an object"),
        ({"when": "x", "call": {"tool": "t", "arguments": {"a": float("inf")}}}, r"rules\[1\] must hold no NaN"),
        ({"when": "x", "say": "\ud800"}, r"rules\[1\] must hold no"),
        ({"when": "x", "say": "x", "more": 1}, r"rules\[1\] has the unknown field 'more'"),
    ],
)
def test_a_wrong_rule_is_named(rule, problem):
    with pytest.raises(ScriptError, match=problem):
        script_from_json({"rules": [RULES[0], rule]})


@pytest.mark.parametrize("document", [[], {}, {"rules": {}}, {"rules": [], "x": 1}, {"rules": [{}] * (MAX_RULES + 1)}])
def test_a_script_that_is_none_is_refused(document):
    with pytest.raises(ScriptError, match="rules"):
        script_from_json(document)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\xfd", "is not JSON"),
        (b" " * (MAX_FILE + 1), "at most"),
        (b'{"rules": [{"when": "(", "say": "x"}]}', r"rules\[0\].when is not a regular expression"),
    ],
)
def test_a_bad_file_is_one_sentence_and_a_failed_start(tmp_path, capsys, content, problem):
    path = tmp_path / "script.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmulatorError, match=problem):
        read_script(path)
    ready = tmp_path / "ready.json"
    state = str(tmp_path / "state")
    told = ["--llm-script", str(path), "--ready-file", str(ready)]
    assert main(["start", "--port", "0", "--state", state, *told]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"fujie emulator: The model's script {path} ")
    assert err.count("\n") == 1
    assert not ready.exists()
    assert not Path(state).exists()


def test_the_script_is_replaced_through_the_operators_door_only(served):
    url = f"{served.url}/_fujie/llm/script"
    question = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}]}
    with httpx2.Client(trust_env=False) as http:

        def said():
            answer = http.post(
                f"{served.url}/llm/v1/chat/completions", json=question, headers={"authorization": "Bearer x"}
            )
            return answer.json()["choices"][0]["message"]["content"]

        assert http.put(url, json={"rules": RULES}).status_code == 403
        assert said() != "Good day."
        assert http.put(url, json={"rules": RULES}, headers=served.admin_headers).json() == {"rules": 3}
        assert said() == "Good day."
        wrong = http.put(url, json={"rules": [{"when": "("}]}, headers=served.admin_headers)
        assert wrong.status_code == 400
        assert "rules[0]" in wrong.text
        assert said() == "Good day."
        assert http.put(url, json={"rules": []}, headers=served.admin_headers).status_code == 200
        assert said() != "Good day."


def test_the_script_of_the_command_line_is_in_force_from_the_start(tmp_path):
    script, ready = tmp_path / "script.json", tmp_path / "ready.json"
    script.write_text(json.dumps({"rules": RULES}))
    command = [sys.executable, "-m", "fujie_emulator", "start", "--port", "0", "--state", str(tmp_path / "state")]
    program = subprocess.Popen([*command, "--ready-file", str(ready), "--llm-script", str(script)])
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert program.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        url = json.loads(ready.read_text())["url"]
        with openai.OpenAI(base_url=f"{url}/llm/v1", api_key="any", max_retries=0) as client:
            assert client.responses.create(model="scripted", input="hello").output_text == "Good day."
    finally:
        program.terminate()
        program.wait(20)

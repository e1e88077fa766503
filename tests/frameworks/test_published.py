"""Programs that were written for other runtimes: published by them, changed only where docs/coming-from.md says."""

import json
from pathlib import Path

import httpx2
import pytest

from fujie.protocols.agentscope.decode import Decoder
from fujie_emulator.testing import running as cloud_running
from tests.agents.calling import client
from tests.frameworks.environments import ROOT
from tests.frameworks.published import moved, running, sample

RULES = [
    {
        "when": "six times seven",
        "call": {"tool": "execute_python_code", "arguments": {"code": "print(6 * 7)"}},
        "then": "It is {result}.",
    },
    {"when": "capital of France", "say": "Paris."},
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with cloud_running(tmp_path_factory.mktemp("cloud")) as cloud:
        rules = {"rules": RULES}
        httpx2.put(f"{cloud.url}/_fujie/llm/script", json=rules, headers=cloud.admin_headers).raise_for_status()
        yield cloud


def answered(url, words, **fields):
    body = {"input": [{"role": "user", "content": [{"type": "text", "text": words}]}]} | fields
    events = Decoder().feed(httpx2.post(f"{url}/process", json=body, timeout=60).text)
    assert events[-1]["status"] == "completed", events[-1]
    return [(message["type"], message["content"][0]) for message in events[-1]["output"]]


@pytest.mark.parametrize("which", ["as published", "as an example"])
def test_agentscope_runtimes_quickstart_answers_calls_its_tool_and_stops(tmp_path, cloud, which):
    program = moved(sample("agentscope-runtime", "@agent_app.init"), "agentscope-runtime")
    if which == "as an example":
        program = (ROOT / "examples" / "quickstart" / "agent.py").read_text()
    keys = {"DASHSCOPE_API_KEY": "any", "DASHSCOPE_HTTP_BASE_URL": f"{cloud.url}/llm/api/v1"}
    with running("agentscope_1", tmp_path / "agent.py", program, run=("port=8090", "port={port}"), **keys) as url:
        (said,) = answered(url, "What is the capital of France?")
        assert said[1]["text"] == "Paris."
        call, output, told = answered(url, "What is six times seven?", session_id="s1")
        assert (call[0], output[0], told[0]) == ("plugin_call", "plugin_call_output", "message")
        assert json.loads(call[1]["data"]["arguments"]) == {"code": "print(6 * 7)"}
        assert "42" in output[1]["data"]["output"]
        assert "42" in told[1]["text"]
        (again,) = answered(url, "And the capital of France?", session_id="s1")
        assert again[1]["text"] == "Paris."


@pytest.mark.parametrize(
    ("words", "payload", "answer"),
    [
        ("def my_agent", {"query": "hi"}, '"处理查询: hi"'),
        ("def async_agent", {"query": "hi"}, '"异步处理完成: hi"'),
        ("def streaming_agent", {"query": "hi"}, 'data: "步骤 5: 处理 hi"\n\ndata: [DONE]\n\n'),
    ],
)
async def test_ppios_samples_answer(monkeypatch, words, payload, answer):
    program = moved(sample("ppio-agent-runtime", words), "ppio-agent-runtime").replace("sleep(1)", "sleep(0)")
    names = {"__name__": "sample"}
    exec(compile(program, "sample.py", "exec"), names)
    async with client(names["app"]) as http:
        assert (await http.post("/invocations", json=payload)).text.endswith(answer)
        assert (await http.get("/ping")).json()["status"] == "Healthy"


SCRIPTED = """
import functools, os, strands
from strands.models.openai import OpenAIModel
client = {"base_url": os.environ["SCRIPTED_MODEL_URL"], "api_key": "any"}
model = OpenAIModel(client_args=client, model_id="scripted")
strands.Agent = functools.partial(strands.Agent, model=model)
"""
"""The sample takes the model that its account has; here that is the scripted one."""


def test_agentcores_sample_streams_what_its_agent_says(tmp_path, cloud):
    program = SCRIPTED + moved(sample("bedrock-agentcore", "async def handler"), "bedrock-agentcore")
    at = {"run": ("app.run()", "app.run(port={port})"), "SCRIPTED_MODEL_URL": f"{cloud.url}/llm/v1"}
    with running("clients", tmp_path / "agent.py", program, **at) as url:
        headers = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "s" * 40}
        answer = httpx2.post(f"{url}/invocations", json={"prompt": "capital of France?"}, headers=headers, timeout=60)
        items = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]
        assert "".join(item["data"] for item in items if "data" in item) == "Paris."
        failed = httpx2.post(f"{url}/invocations", json={"prompt": 5}, timeout=60)
        assert "error_type" in failed.text


def test_the_quickstart_lists_what_it_needs():
    assert "agentscope<2" in Path(ROOT / "examples" / "quickstart" / "README.md").read_text()

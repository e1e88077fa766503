import json

import pytest

from fujie_emulator.llm.request import ChatRequest, OfferedTool, ToolCall, ToolResult
from fujie_emulator.llm.state import reply_to

SHIPPED = tuple(
    OfferedTool(name)
    for name in (
        "get_weather",
        "get_schedule",
        "read_oss_file",
        "get_current_time",
        "list_ecs_instances",
        "write_dingtalk_document",
        "read_dingtalk_document",
    )
)


def asked(question, *results, tools=SHIPPED, **more):
    return reply_to(ChatRequest(model="scripted", question=question, tools=tools, results=tuple(results), **more))


def result(name, content, /, **arguments):
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return ToolResult(ToolCall(name, arguments), text)


@pytest.mark.parametrize(
    ("question", "name", "arguments"),
    [
        ("What is the weather in Hangzhou today?", "get_weather", {"city": "Hangzhou"}),
        ("What's the weather like?", "get_weather", {"city": "Hangzhou"}),
        ("weather in New York please", "get_weather", {"city": "New York"}),
        ("今天天气怎么样？", "get_weather", {"city": "Hangzhou"}),
        ("北京今天天气怎么样？", "get_weather", {"city": "北京"}),
        ("请问上海的天气", "get_weather", {"city": "上海"}),
        ("What is on my schedule today?", "get_schedule", {}),
        ("What is on my schedule on 2026-11-22?", "get_schedule", {"date": "2026-11-22"}),
        ("我今天的日程安排是什么？", "get_schedule", {}),
        ("Read my OSS file notes.txt", "read_oss_file", {"name": "notes.txt"}),
        ("Please read the file plans/q4.md from OSS.", "read_oss_file", {"name": "plans/q4.md"}),
        ("读取我的OSS文件", "read_oss_file", {"name": "notes.txt"}),
        ("读取我的OSS文件todo.txt", "read_oss_file", {"name": "todo.txt"}),
        ("What time is it?", "get_current_time", {"time_zone": "Asia/Shanghai"}),
        ("What time is it in Tokyo?", "get_current_time", {"time_zone": "Asia/Tokyo"}),
        ("现在几点了？", "get_current_time", {"time_zone": "Asia/Shanghai"}),
        ("List my ECS instances", "list_ecs_instances", {}),
        ("List my ECS instances in cn-hangzhou", "list_ecs_instances", {"region": "cn-hangzhou"}),
        ("帮我查询我的ECS实例列表", "list_ecs_instances", {}),
        ("Read DingTalk document X", "read_dingtalk_document", {"document": "X"}),
        ("读取钉钉文档 周报", "read_dingtalk_document", {"document": "周报"}),
        ("Write 'hello' to DingTalk document X", "write_dingtalk_document", {"document": "X", "text": "hello"}),
        (
            "Write 'it's; fine. really' to DingTalk document X",
            "write_dingtalk_document",
            {"document": "X", "text": "it's; fine. really"},
        ),
        ('Write "hello" to my DingTalk document', "write_dingtalk_document", {"document": "notes", "text": "hello"}),
        (
            "Write “hello” to DingTalk document 'Plan B'",
            "write_dingtalk_document",
            {"document": "Plan B", "text": "hello"},
        ),
        (
            "Write hello world to DingTalk document X",
            "write_dingtalk_document",
            {"document": "X", "text": "hello world"},
        ),
        ('写入"hello"到钉钉文档 X', "write_dingtalk_document", {"document": "X", "text": "hello"}),
        ("写入“你好”到钉钉文档X", "write_dingtalk_document", {"document": "X", "text": "你好"}),
        ("在钉钉文档周报中写入「完成」", "write_dingtalk_document", {"document": "周报", "text": "完成"}),
        ("把“hello”写入钉钉文档 X", "write_dingtalk_document", {"document": "X", "text": "hello"}),
        (
            "写入 'what is the weather' 到钉钉文档 X",
            "write_dingtalk_document",
            {"document": "X", "text": "what is the weather"},
        ),
    ],
)
def test_a_known_question_becomes_the_call_that_answers_it(question, name, arguments):
    assert asked(question).call == ToolCall(name, arguments)


@pytest.mark.parametrize(
    "question",
    [
        "Write 'hello' to DingTalk document X; read it back",
        "Write 'hello' to DingTalk document X and read it back",
        "Write 'hello' to DingTalk document X, then read it back.",
        '写入"hello"到钉钉文档 X，然后读回来',
        '写入"hello"到钉钉文档 X；再读一遍',
    ],
)
def test_read_it_back_reads_the_document_just_written(question):
    write = asked(question).call
    assert write == ToolCall("write_dingtalk_document", {"document": "X", "text": "hello"})
    second = asked(question, result("write_dingtalk_document", {"ok": True}, **write.arguments)).call
    assert second == ToolCall("read_dingtalk_document", {"document": "X"})


def test_a_failed_write_is_told_and_not_read_back():
    failed = {"error": {"code": "consent_denied", "message": "the user denied it"}}
    reply = asked(
        "Write 'hello' to DingTalk document X; read it back", result("write_dingtalk_document", failed, document="X")
    )
    assert reply.call is None
    assert "denied" in reply.text
    assert "Allow" in reply.text


def test_two_questions_in_one_message_are_answered_in_turn():
    question = "What is the weather in Hangzhou today? What time is it?"
    assert asked(question).call.name == "get_weather"
    assert asked(question, result("get_weather", {"temperature_c": 3})).call.name == "get_current_time"


@pytest.mark.parametrize(
    ("question", "given", "words"),
    [
        (
            "weather?",
            result("get_weather", {"city": "Hangzhou", "temperature_c": 17, "conditions": "Light rain"}),
            ["17 °C", "light rain", "Hangzhou"],
        ),
        (
            "天气？",
            result("get_weather", {"city_zh": "杭州", "temperature_c": 17, "conditions_zh": "小雨"}),
            ["杭州", "17°C", "小雨"],
        ),
        (
            "schedule?",
            result("get_schedule", {"events": [{"time": "09:00", "title": "Stand-up"}]}),
            ["09:00", "Stand-up"],
        ),
        (
            "时间？",
            result("get_current_time", {"now": "2026-11-21T17:40:00+08:00", "time_zone": "Asia/Shanghai"}),
            ["17:40", "星期六"],
        ),
        (
            "time?",
            result("get_current_time", {"now": "2026-11-21T17:40:00+08:00"}),
            ["17:40", "Saturday", "21 November 2026"],
        ),
        (
            "ECS instances",
            result("list_ecs_instances", {"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}),
            ["2 ECS", "| InstanceId |", "| i-2 |"],
        ),
        ("read dingtalk document X", result("read_dingtalk_document", {"text": "hello"}, document="X"), ["X", "hello"]),
        ("读取钉钉文档 X", result("read_dingtalk_document", {"text": "hello"}, document="X"), ["钉钉文档 X", "hello"]),
        ("read oss file notes.txt", result("read_oss_file", "buy milk", name="notes.txt"), ["notes.txt", "> buy milk"]),
    ],
)
def test_an_answer_is_written_from_the_result_in_the_language_asked(question, given, words):
    reply = asked(question, given)
    assert reply.call is None
    assert [word for word in words if word not in reply.text] == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "consent_denied", "message": "no"}, "denied"),
        ({"code": "consent_expired", "message": "late"}, "expired"),
        ({"code": "consent_cancelled", "message": "stop"}, "cancelled"),
        ({"code": "provider_unavailable", "message": "HTTP 500"}, "try again"),
        ({"code": "delegation_expired", "message": "x", "repair": "sign in again"}, "sign in again"),
    ],
)
def test_a_failure_is_told_in_words_with_what_can_be_done(error, words):
    text = asked("What time is it?", result("get_current_time", {"error": error})).text
    assert text.startswith("I could not")
    assert words in text


def test_a_document_that_speaks_of_failure_is_still_a_document():
    text = asked(
        "read dingtalk document X", result("read_dingtalk_document", {"text": "access denied is a film"}, document="X")
    ).text
    assert "> access denied is a film" in text


def test_only_offered_tools_are_called():
    assert asked("What time is it?", tools=(OfferedTool("get_weather", "Weather of a city"),)).call is None


@pytest.mark.parametrize(
    ("question", "opening"), [("Tell me a joke", "I am a scripted model"), ("讲个笑话", "我是脚本模型")]
)
def test_when_nothing_fits_the_first_words_say_that_the_model_is_scripted(question, opening):
    assert asked(question).text.startswith(opening)


LEDGER = OfferedTool(
    "look_up_zorb",
    "Looks up one entry of the quartz ledger.",
    {
        "type": "object",
        "properties": {
            "entry": {"type": "string"},
            "limit": {"type": "integer", "default": 5},
            "shade": {"anyOf": [{"enum": ["dark_red", "blue"], "type": "string"}, {"type": "null"}]},
        },
        "required": ["entry"],
    },
)
OTHER = OfferedTool("close_gate", "Closes the garden gate.", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("Look up zorb entry=k9-22", {"entry": "k9-22"}),
        ("Look up the zorb 'first light'", {"entry": "first light"}),
        ("Look up zorb for Kestrel with limit 3 in dark red", {"entry": "Kestrel", "limit": 3, "shade": "dark_red"}),
        ("Please search the quartz ledger for entry k9-22", {"entry": "k9-22"}),
    ],
)
def test_a_tool_nobody_foresaw_is_picked_and_filled_by_its_own_words(question, arguments):
    assert asked(question, tools=(OTHER, LEDGER, *SHIPPED)).call == ToolCall("look_up_zorb", arguments)


def test_a_missing_value_is_asked_for_by_name():
    assert "`entry`" in asked("Look up zorb", tools=(LEDGER,)).text


def test_results_of_an_unknown_tool_are_shown_whole():
    text = asked(
        "Look up zorb entry=a", result("look_up_zorb", {"entry": "a", "weight_kg": 12.5}), tools=(LEDGER,)
    ).text
    assert "weight kg" in text
    assert "12.5" in text


def test_a_required_choice_is_obeyed():
    assert asked("good morning", tools=(OTHER,), must_call=True).call == ToolCall("close_gate", {})


def test_counting_streams_each_number_slowly():
    reply = asked("Count to 40")
    assert reply.chunks[:2] == ("1 ", "2 ")
    assert len(reply.chunks) == 40
    assert reply.pause_s == 0.05


def test_the_chunks_of_an_answer_are_its_text():
    reply = asked("Tell me a joke")
    assert len(reply.chunks) > 10
    assert "\n- What is the weather in Hangzhou today?\n" in reply.text


@pytest.mark.parametrize(
    "data", [{"status": "expired", "order": "k-9"}, {"code": "k-9", "message": "cancelled"}, "Permission slips: k-9"]
)
def test_data_that_speaks_of_failure_is_still_data(data):
    text = asked("Look up zorb entry=a", result("look_up_zorb", data), tools=(LEDGER,)).text
    assert "k-9" in text
    assert "could not" not in text

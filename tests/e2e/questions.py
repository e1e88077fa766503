"""The six questions, in both languages, and what must serve each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    name: str
    en: str
    zh: str
    tool: str
    credential: str
    shows: tuple
    """Text of which the answer must hold at least one."""


QUESTIONS = (
    Question(
        "weather",
        "What is the weather in Hangzhou today?",
        "今天天气怎么样？",
        "get_weather",
        "api_key",
        ("Hangzhou", "杭州"),
    ),
    Question(
        "schedule", "What is on my schedule today?", "我今天的日程安排是什么？", "get_schedule", "sts", ("09:30",)
    ),
    Question("file", "Read my OSS file notes.txt", "读取我的OSS文件", "read_oss_file", "sts", ("tea", "茶")),
    Question("time", "What time is it?", "现在几点了？", "get_current_time", "oauth", (":",)),
    Question("instances", "List my ECS instances", "帮我查询我的ECS实例列表", "list_ecs_instances", "oauth", ("i-",)),
    Question(
        "document",
        "Write 'hello' to DingTalk document notes; read it back",
        '写入"hello"到钉钉文档 notes，再读出来',
        "read_dingtalk_document",
        "oauth",
        ("hello",),
    ),
)
BY_NAME = {question.name: question for question in QUESTIONS}

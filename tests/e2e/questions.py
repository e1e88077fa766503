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
        name="weather",
        en="What is the weather in Hangzhou today?",
        zh="今天天气怎么样？",
        tool="get_weather",
        credential="api_key",
        shows=("Hangzhou", "杭州"),
    ),
    Question(
        name="schedule",
        en="What is on my schedule today?",
        zh="我今天的日程安排是什么？",
        tool="get_schedule",
        credential="sts",
        shows=("09:30",),
    ),
    Question(
        name="file",
        en="Read my OSS file notes.txt",
        zh="读取我的OSS文件",
        tool="read_oss_file",
        credential="sts",
        shows=("tea", "茶"),
    ),
    Question(
        name="time",
        en="What time is it?",
        zh="现在几点了？",
        tool="get_current_time",
        credential="oauth",
        shows=(":",),
    ),
    Question(
        name="instances",
        en="List my ECS instances",
        zh="帮我查询我的ECS实例列表",
        tool="list_ecs_instances",
        credential="oauth",
        shows=("i-",),
    ),
    Question(
        name="document",
        en="Write 'hello' to DingTalk document notes; read it back",
        zh='写入"hello"到钉钉文档 notes，再读出来',
        tool="read_dingtalk_document",
        credential="oauth",
        shows=("hello",),
    ),
)
ROBOTS = Question(
    name="robots",
    en="Look at the robots",
    zh="看看机器人 look_at_robots",
    tool="look_at_robots",
    credential="oauth",
    shows=("idle",),
)
"""Of tests/e2e/robots: the workload's own credential."""
BY_NAME = {question.name: question for question in (*QUESTIONS, ROBOTS)}
